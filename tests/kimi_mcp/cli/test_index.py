"""`kimi-mcp index`, as a real process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

MakeRepository = Callable[[dict[str, str | bytes]], Path]


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kimi_mcp", "index", "--root", str(root), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_the_index_is_built_and_described(make_repository: MakeRepository) -> None:
    root = make_repository({f"m{number}.py": f"def f{number}(): ...\n" for number in range(200)})
    out, _ = start(root, "--stats", "--json").communicate(timeout=100)
    facts = json.loads(out)
    assert facts["files"] == 200
    assert facts["symbol"] == 200
    assert Path(facts["database"]).is_file()


def test_a_watched_repository_stays_fresh_until_ctrl_c(make_repository: MakeRepository) -> None:
    root = make_repository({"a.py": "def f(): ...\n"})
    process = start(root, "--watch")
    assert process.stdout is not None
    while not process.stdout.readline().startswith("seconds"):
        pass
    (root / "b.py").write_text("def g(): ...\n")
    assert process.stdout.readline().endswith("fresh: 2 files\n")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
