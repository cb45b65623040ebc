"""A command that uses too much is ended with a sentence, under every level of protection."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools import usage
from kimi_tools.errors import BadArguments
from kimi_tools.sandbox import UNPROTECTED, Sandbox
from kimi_tools.sandbox.choice import candidates, try_out
from kimi_tools.shell import run_command
from kimi_tools.usage import Limits
from kimi_tools.workspace import Workspace

MB = 1024 * 1024

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

pytestmark = pytest.mark.skipif(not usage.watched(), reason="this system does not list children in /proc")

LEVELS = ["none", "landlock", "bubblewrap"]


@pytest.fixture(params=LEVELS)
def confined(request: pytest.FixtureRequest, make_workspace: MakeWorkspace) -> Workspace:
    """A workspace whose commands run under one level of protection, and may use 200 MB and 64 tasks."""
    workspace = make_workspace({"a": ""})
    workspace.sandbox = sandbox_named(request.param)
    workspace.limits = Limits(200 * MB, 64)
    return workspace


def sandbox_named(level: str) -> Sandbox:
    """A sandbox of that level; skips where it does not work."""
    if level == "none":
        return UNPROTECTED
    for box in candidates():
        if box.level == level:
            reason = try_out(box)
            if reason is not None:
                pytest.skip(f"{level} does not work here: {reason}")
            return box
    pytest.skip(f"this system has no {level}")


def told_of(workspace: Workspace, command: str) -> str:
    return asyncio.run(run_command(workspace, {"command": command, "timeout": 60})).text


HOGS = {
    "one process": "x = bytearray({size})",
    "several processes": "import os, time\n"
    "for _ in range(4):\n    if os.fork() == 0:\n        x = bytearray({size} // 4); time.sleep(50)\ntime.sleep(50)",
    "shared pages": "import mmap, time\nm = mmap.mmap(-1, {size})\nm.write(bytes({size}))\ntime.sleep(50)",
}


@pytest.mark.parametrize("hog", HOGS.values(), ids=HOGS)
def test_a_command_that_takes_too_much_memory_is_ended_with_the_reason(confined: Workspace, hog: str) -> None:
    script = f"{hog.format(size=400 * MB)}\nimport time\ntime.sleep(50)"
    (confined.root / "hog.py").write_text(script)
    told = told_of(confined, f"{sys.executable} hog.py; echo went on")
    assert "ended because it used" in told and "200M is allowed" in told and "--max-memory" in told
    assert "went on" not in told
    assert "exit code 0" in told_of(confined, "true")


def test_files_in_a_temporary_directory_kept_in_memory_count(confined: Workspace) -> None:
    if not confined.sandbox.level.startswith("bubblewrap"):
        pytest.skip("only bubblewrap keeps them in memory")
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "~"):
        told = told_of(confined, f"head -c 300M /dev/zero > {folder}/big; sleep 50")
        assert "ended because it used" in told, folder


def test_pages_that_processes_share_count_once(confined: Workspace) -> None:
    script = (
        "import os, time\nx = bytearray(120_000_000)\n"
        "for _ in range(6):\n    if os.fork() == 0:\n        time.sleep(1); os._exit(0)\n"
        "for _ in range(6): os.wait()\nprint('all there')"
    )
    (confined.root / "forks.py").write_text(script)
    assert told_of(confined, f"{sys.executable} forks.py").endswith("all there")


def test_memory_that_is_only_reserved_or_mapped_from_a_file_does_not_count(confined: Workspace) -> None:
    script = (
        "import mmap, time\nm = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | 0x4000)\n"
        "with open('big', 'wb') as f: f.truncate(400_000_000)\n"
        "f = open('big', 'rb'); g = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "print(sum(g[i] for i in range(0, len(g), 4096)))\ntime.sleep(0.5)\nprint('all there')"
    )
    (confined.root / "mapped.py").write_text(script)
    assert told_of(confined, f"{sys.executable} mapped.py").endswith("all there")


BOMBS = {
    "processes": "import os, time\n"
    "for _ in range(600):\n"
    "    try:\n        if os.fork() == 0:\n            time.sleep(50); os._exit(0)\n"
    "    except OSError:\n        break\ntime.sleep(50)",
    "threads": "import threading, time\n"
    "for _ in range(600):\n"
    "    try:\n        threading.Thread(target=time.sleep, args=(50,), daemon=True).start()\n"
    "    except RuntimeError:\n        break\ntime.sleep(50)",
    "each its own session": "import os, time\n"
    "for _ in range(600):\n"
    "    try:\n        if os.fork() == 0:\n            os.setsid(); time.sleep(50); os._exit(0)\n"
    "    except OSError:\n        break\ntime.sleep(50)",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_command_with_too_many_processes_is_ended_and_none_is_left(confined: Workspace, bomb: str) -> None:
    (confined.root / "bomb.py").write_text(BOMBS[bomb])
    told = told_of(confined, f"{sys.executable} {confined.root}/bomb.py")
    assert "processes and threads, and 64 are allowed" in told and "--max-processes" in told
    assert not _running(f"{confined.root}/bomb.py")
    assert "exit code 0" in told_of(confined, "true")


def test_what_goes_on_starting_sessions_while_it_is_ended_is_ended_with_all_of_them(
    confined: Workspace,
) -> None:
    script = confined.root / "sessions.py"
    script.write_text(
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n    if os.fork() == 0:\n        os.setsid(); time.sleep(50); os._exit(0)\n    time.sleep(0.001)"
    )
    told = told_of(confined, f"{sys.executable} {script}; true")
    assert "64 are allowed" in told
    assert not _running(str(script))


def _running(script: str) -> list[int]:
    found: list[int] = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            state = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if script.encode() in words and state != "Z":
            found.append(int(name))
    return found


def test_an_ordinary_number_of_processes_goes_on(confined: Workspace) -> None:
    told = told_of(confined, "for i in $(seq 20); do sleep 0.3 & done; wait; echo all there")
    assert told.endswith("all there")


def test_commands_are_the_kernels_first_victims_and_we_are_not(confined: Workspace) -> None:
    before = Path("/proc/self/oom_score_adj").read_text()
    told = told_of(confined, "sleep 0.5; cat /proc/self/oom_score_adj")
    assert told.endswith("\n1000")
    assert Path("/proc/self/oom_score_adj").read_text() == before


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 * MB), ("4G", 4096 * MB), ("1.5 GiB", 1536 * MB), ("0", 0), ("9", 9)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert usage.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "four", "-1", "4X", "4 4", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="no amount of memory"):
        usage.parse_size(text)


def test_the_default_is_most_of_the_machine() -> None:
    limits = Limits.default()
    assert usage.machine_memory() // 2 < limits.memory < usage.machine_memory()
    assert limits.tasks == usage.TASKS
