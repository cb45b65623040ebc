"""Commands: nothing is allowed by the look of a command line, everything is confined; and they always end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_tools import process
from kimi_tools.errors import NotAllowed, ToolError, Unavailable
from kimi_tools.sandbox import Best, Place, Sandbox, choice
from kimi_tools.sandbox.bubblewrap import Bubblewrap
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.shell import run_command
from kimi_tools.testrun import run_tests
from kimi_tools.workspace import Workspace
from tests.stdio_client import StdioClient

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

TRICKS = [
    *("echo $(id > {0})", "echo `id > {0}`", "ls;id > {0}", "ls&&id > {0}", "ls|tee {0}", "ls\nid > {0}"),
    *(
        "ls & id > {0}",
        "cat <(id > {0})",
        "X=id;$X > {0}",
        "rg --pre 'tee {0}' x .",
        "find . -exec cp a {0} ;",
    ),
    *(
        "sed -n 'w {0}' a",
        "sort -o {0} a",
        "awk 'BEGIN{{system(\"id > {0}\")}}'",
        "git -c core.pager='tee {0}' log",
    ),
    *("echo a | xargs -I% cp % {0}", "export PAGER='tee {0}'; git log", "alias git='id > {0}'; git log"),
    *("git status;" + " " * 500 + "id > {0}", "; ".join(["true"] * 60) + "; id > {0}", "cd /; id > {0}"),
]
"""Command lines that have got past somebody's list of safe commands; each writes outside when it can."""


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
def test_no_command_line_writes_outside(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox, tmp_path: Path, trick: str
) -> None:
    workspace = make_workspace({"a": "a\n"})
    workspace.sandbox = bubblewrap
    asyncio.run(run_command(workspace, {"command": trick.format(tmp_path / "pwned"), "timeout": 20}))
    assert not (tmp_path / "pwned").exists()


def test_nothing_that_one_call_sets_is_there_in_the_next(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    workspace = make_workspace({"a": ""})
    workspace.sandbox = bubblewrap
    for script in ("export PAGER=evil; alias git=evil; echo evil > ~/.bashrc; echo evil > /tmp/x", "true"):
        asyncio.run(run_command(workspace, {"command": script}))
    told = asyncio.run(run_command(workspace, {"command": "env; alias; cat ~/.bashrc /tmp/x"})).text
    assert "evil" not in told


@pytest.mark.parametrize("cwd", ["/", "..", "a/../..", "/etc", "link"])
def test_the_directory_of_a_command_comes_from_inside_the_root(
    make_workspace: MakeWorkspace, cwd: str
) -> None:
    workspace = make_workspace({"a/f": ""})
    (workspace.root / "link").symlink_to("/etc")
    with pytest.raises(ToolError):
        asyncio.run(run_command(workspace, {"command": "pwd", "cwd": cwd}))


def test_a_program_is_found_on_a_path_without_the_repository(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace({"git": "#!/bin/sh\necho evil\n"})
    (workspace.root / "git").chmod(0o755)
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("PATH", f":.:{workspace.root}:{os.environ['PATH']}")
    process.program.cache_clear()
    assert not Path(process.program("git", workspace.root)).is_relative_to(workspace.root)


class Broken:
    """A sandbox that this machine cannot give, and what the system says."""

    mounts = False
    gaps = ()

    def __init__(self, level: str, script: str) -> None:
        self.level = level
        self._script = script

    def launch(self, argv: Any, place: Place, environment: Any) -> process.Launch:
        return process.Launch(["/bin/sh", "-c", self._script], {}, sandbox=self.level)


def test_without_any_sandbox_commands_are_refused_with_every_reason_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, make_workspace: MakeWorkspace
) -> None:
    candidates = [
        Broken("bubblewrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"),
        Broken("landlock", "echo 'cannot confine: Function not implemented' >&2; exit 125"),
    ]
    monkeypatch.setattr(choice, "candidates", lambda *_: candidates)
    workspace = make_workspace({"a": ""})
    workspace.sandbox = Best()
    with pytest.raises(NotAllowed) as refusal:
        asyncio.run(run_command(workspace, {"command": "echo ran"}))
    for part in ("setting up uid map", "Function not implemented", "--no-sandbox", "kimi-mcp doctor"):
        assert part in str(refusal.value)
    workspace.sandbox = Best(off=True)
    assert "(sandbox: none)" in asyncio.run(run_command(workspace, {"command": "echo ran"})).text


def test_the_next_best_sandbox_is_taken_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [Broken("first", "exit 1"), Broken("second", "exit 0"), Broken("third", "exit 0")]
    monkeypatch.setattr(choice, "candidates", lambda *_: candidates)
    assert Best().level == "second"


def test_a_directory_without_permission_is_left_out_and_the_run_goes_on(
    tmp_path: Path, make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "closed").mkdir(mode=0o000)
    layout = machine_layout([tmp_path / "closed"])
    assert tmp_path / "closed" in layout.left_out
    workspace = make_workspace({"a": ""})
    workspace.sandbox = Bubblewrap(layout)
    assert "exit code 0" in asyncio.run(run_command(workspace, {"command": "true"})).text


def test_the_interpreter_that_runs_us_and_a_projects_environment_are_found(
    tmp_path: Path, make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    workspace = make_workspace({"a": ""})
    workspace.sandbox = bubblewrap
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(workspace.root / ".venv")], check=True)
    for python in (sys.executable, ".venv/bin/python"):
        told = asyncio.run(run_command(workspace, {"command": f"{python} -c 'print(6 * 7)'"})).text
        assert told.endswith("\n42"), told


def test_the_memory_of_a_process_is_not_limited_by_address_space(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    workspace = make_workspace({"a": ""})
    workspace.sandbox = bubblewrap
    told = asyncio.run(run_command(workspace, {"command": "ulimit -v"})).text
    assert told.endswith("unlimited")


def test_a_kill_of_the_server_ends_what_runs_in_the_sandbox(tmp_path: Path, bubblewrap: Sandbox) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code = (
        "import asyncio, sys; from pathlib import Path; from kimi_tools.sandbox import choose;"
        "from kimi_tools.workspace import Workspace;"
        f"w = Workspace({str(root)!r}, state={str(tmp_path / 'state')!r}, sandbox=choose());"
        "asyncio.run(w.run(['/bin/sh', '-c', 'setsid sh -c \"while :; do date > beat; sleep 0.1; done\" & sleep 60'],"
        " timeout=60))"
    )
    server = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 60
        while not (root / "beat").exists():
            assert time.monotonic() < deadline and server.poll() is None
            time.sleep(0.05)
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
    time.sleep(1.0)
    last = (root / "beat").stat().st_mtime_ns
    time.sleep(0.6)
    assert (root / "beat").stat().st_mtime_ns == last


def test_a_process_that_ignores_the_end_and_its_orphans_are_gone_after_a_timeout(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    workspace = make_workspace({"a": ""})
    workspace.sandbox = bubblewrap
    beat = "while :; do date > beat; sleep 0.1; done"
    script = f"trap '' TERM; setsid sh -c 'trap \"\" TERM; {beat}' & while :; do sleep 1; done"
    started = time.monotonic()
    told = asyncio.run(run_command(workspace, {"command": script, "timeout": 2})).text
    assert "timed out" in told
    assert time.monotonic() - started < 20
    last = (workspace.root / "beat").stat().st_mtime_ns
    time.sleep(0.6)
    assert (workspace.root / "beat").stat().st_mtime_ns == last


def test_a_test_that_reads_standard_input_or_the_terminal_does_not_hang(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox
) -> None:
    workspace = make_workspace({"a": ""})
    workspace.sandbox = bubblewrap
    told = asyncio.run(
        run_command(
            workspace, {"command": "read x; echo got $?; head -c 5 /dev/tty; echo end", "timeout": 10}
        )
    ).text
    assert "got 1" in told and told.endswith("end")


def test_two_test_runs_at_once_do_not_mix(make_workspace: MakeWorkspace) -> None:
    names = ("one", "two")
    files: dict[str, str | bytes] = {
        f"{name}/test_{name}.py": "".join(f"def test_{name}_{i}(): assert {i} != 3\n" for i in range(6))
        for name in names
    }
    workspace = make_workspace({**files, "pytest.ini": "[pytest]\n"})

    async def both() -> list[str]:
        calls = (run_tests(workspace, {"paths": [f"{name}/test_{name}.py"], "timeout": 60}) for name in names)
        return [result.text for result in await asyncio.gather(*calls)]

    try:
        results = asyncio.run(both())
    except Unavailable as reason:
        pytest.skip(f"no Python with pytest beside our own environment: {reason}")
    for name, other, told in zip(names, reversed(names), results, strict=True):
        assert f"test_{name}_3" in told and f"test_{other}" not in told, told


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("for i in $(seq 200); do sleep 50 & done; wait", "processes and threads, and 64 are allowed"),
        (f"{sys.executable} -c 'x = bytearray(600_000_000); input()'; sleep 50", "200M is allowed"),
    ],
    ids=["processes", "memory"],
)
@pytest.mark.usefixtures("bubblewrap")
def test_a_swarm_of_processes_and_a_glutton_end_with_the_reason_and_the_server_goes_on(
    make_repository: Callable[[dict[str, str | bytes]], Path], command: str, reason: str
) -> None:
    root = make_repository({"a": "text\n"})
    with StdioClient(root, "--max-memory", "200M", "--max-processes", "64", "--toolsets", "all") as client:
        client.initialize()
        assert reason in client.call("run_command", command=command, timeout=60).text
        assert "text" in client.call("read_file", path="a").text
        assert "exit code 0" in client.call("run_command", command="true").text


def test_a_limit_of_time_holds_when_the_clock_is_set_back(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace({"a": ""})
    real, calls = time.time, 0

    def set_back() -> float:
        nonlocal calls
        calls += 1
        return real() - 3600 * calls

    monkeypatch.setattr(time, "time", set_back)
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * set_back()))
    started = time.monotonic()
    assert "timed out" in asyncio.run(run_command(workspace, {"command": "sleep 100", "timeout": 1})).text
    assert "exit code 0" in asyncio.run(run_command(workspace, {"command": "sleep 0.2", "timeout": 30})).text
    assert time.monotonic() - started < 60
    assert calls or time.time() < real()
