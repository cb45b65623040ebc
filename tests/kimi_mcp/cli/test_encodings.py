"""Output where the locale is not UTF-8: nothing fails, marks stay marks, JSON stays JSON."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.kimi_api import KimiApi
from tests.kimi_mcp.agent.conftest import BUGGY
from tests.kimi_mcp.cli.test_fix import Cli, MakeRepository, turns

OLD = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def on_a_terminal(cli: Cli, *arguments: str) -> str:
    """What a command writes to a pseudo-terminal."""
    import pty

    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kimi_mcp", *arguments],
        cwd=cli.root,
        env={**cli.environment, **OLD, "TERM": "xterm", "COLUMNS": "60"},
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=side,
    )
    os.close(side)
    shown = b""
    while True:
        try:
            piece = os.read(main, 65_536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    assert process.wait(60) == 0, shown.decode()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("ascii"))


def test_a_terminal_that_is_not_utf8_gets_plain_marks(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    cli = Cli(make_repository(BUGGY), tmp_path)
    with KimiApi(turns()) as api:
        shown = on_a_terminal(cli, "fix", "--base-url", api.url, "--model", "kimi-k2.6", "ädd is wröng")
    assert "?dd is wr?ng" in shown
    assert "+ the reproduction passes with the patch" in shown


def test_json_is_utf8_in_any_locale(make_repository: MakeRepository, tmp_path: Path) -> None:
    cli = Cli(make_repository(BUGGY), tmp_path)
    cli.environment |= OLD
    with KimiApi(turns()) as api:
        arguments = ["fix", "--base-url", api.url, "--model", "kimi-k2.6", "--json", "--issue", "-"]
        done = subprocess.run(
            [sys.executable, "-m", "kimi_mcp", *arguments],
            cwd=cli.root,
            env=cli.environment,
            input="ädd is wröng".encode(),
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert "ädd is wröng" in events[1]["text"]
