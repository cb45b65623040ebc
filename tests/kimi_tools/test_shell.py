"""Shell commands, through the tool."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.clip import RESULT_CHARS, weight
from kimi_tools.errors import BadArguments, NotFound, PathRefused
from kimi_tools.progress import Progress, reporting_to
from kimi_tools.shell import CommandResult, run_command
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def command(workspace: Workspace, line: str, **arguments: Any) -> CommandResult:
    result = anyio.run(run_command, workspace, {"command": line, **arguments})
    assert weight(result.text) <= RESULT_CHARS
    assert isinstance(result.data, CommandResult)
    assert result.text.endswith(result.data.output or "[no output]")
    return result.data


def test_exit_code_output_and_both_streams_come_back(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": ""})
    done = command(workspace, "ls; echo problem >&2; exit 3")
    assert (done.exit_code, done.output) == (3, "a.txt\nproblem")
    assert command(workspace, "true").output == ""


def test_the_directory_is_inside_the_root(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace({"sub/a.txt": ""})
    (workspace.root / "out").symlink_to(tmp_path)
    assert command(workspace, "pwd", cwd="sub").output == str(workspace.root / "sub")
    for cwd in ("..", "/", "out", "sub/../.."):
        with pytest.raises(PathRefused):
            command(workspace, "pwd", cwd=cwd)
    with pytest.raises(NotFound):
        command(workspace, "pwd", cwd="absent")
    with pytest.raises(PathRefused):
        command(workspace, "pwd", cwd="sub/a.txt")


def test_nothing_is_kept_between_calls(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"sub/a.txt": ""})
    command(workspace, "export PAGER=evil; alias ls=evil; cd sub; typeset -i PATH; git() { echo evil; }")
    assert command(workspace, 'echo "$PAGER"; pwd; type -t ls; type -t git').output == (
        f"\n{workspace.root}\nfile\nfile"
    )


def test_secrets_of_the_environment_do_not_reach_the_command(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOONSHOT_API_KEY", "AWS_SECRET_ACCESS_KEY", "BASH_ENV", "LD_PRELOAD", "GIT_DIR"):
        monkeypatch.setenv(name, "canary")
    assert "canary" not in command(make_workspace({}), "env").output


def test_there_is_nothing_to_read_on_standard_input(make_workspace: MakeWorkspace) -> None:
    assert command(make_workspace({}), "cat; read line; echo end", timeout=20).output == "end"


def test_a_flood_is_cut_in_its_middle_and_says_so(make_workspace: MakeWorkspace) -> None:
    done = command(make_workspace({}), "echo first; yes flood | head -c 50000000; echo; echo last")
    assert done.output.startswith("first\n")
    assert done.output.endswith("\nlast")
    assert "more lines" in done.output


def test_colours_progress_bars_and_controls_are_made_readable(
    make_workspace: MakeWorkspace,
) -> None:
    line = r"printf '\033[31mred\033[0m\n10%%\r50%%\r100%%\r\n\033]0;title\007\007\xff\n'"
    assert command(make_workspace({}), line).output == "red\n100%\n\\x07�"


@pytest.mark.parametrize("line", ["", " \n", "a\0b"])
def test_an_empty_command_is_refused(make_workspace: MakeWorkspace, line: str) -> None:
    with pytest.raises(BadArguments):
        command(make_workspace({}), line)


def test_a_timeout_is_told_with_the_output_so_far(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({})
    result = anyio.run(run_command, workspace, {"command": "echo begun; sleep 60", "timeout": 1})
    assert result.text.startswith("timed out after 1 s")
    assert result.text.endswith("\nbegun")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_cancelling_ends_the_command_and_its_children(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({})

    async def check() -> int:
        heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def listen(progress: Progress) -> None:
            heard.set_result(progress.message)

        with reporting_to(listen):
            call = asyncio.create_task(run_command(workspace, {"command": "sleep 60 & echo $!; wait"}))
            pid = int(await heard)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        return pid

    pid = asyncio.run(check())
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize(
    ("line", "ending"),
    [("kill -SEGV $$", "exit code 139 (SIGSEGV)"), ("exit 3", "exit code 3"), ("exit 255", "exit code 255")],
)
def test_a_command_that_a_signal_ended_names_it(
    make_workspace: MakeWorkspace, line: str, ending: str
) -> None:
    result = anyio.run(run_command, make_workspace({}), {"command": line})
    assert result.text.startswith(f"{ending} after ")
