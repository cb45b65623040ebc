"""Other programs: bounded, ended with their children, and nothing of ours left behind."""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

from kimi_tools.errors import Unavailable
from kimi_tools.process import Finished, allowed_environment, program, run, search_path
from kimi_tools.stream import HeadTail

SHELL = ("/bin/sh", "-c")


def shell(command: str, root: Path, timeout: float = 30, **options: object) -> Finished:
    return asyncio.run(run([*SHELL, command], cwd=root, timeout=timeout, **options))  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def command_line(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


async def gone(pid: int) -> bool:
    """Whether the process ends within five seconds."""
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return not alive(pid)


def test_output_exit_code_and_standard_error_come_back(tmp_path: Path) -> None:
    done = shell("echo out; echo err >&2; exit 3", tmp_path)
    assert (done.exit_code, done.stdout, done.stderr, done.timed_out) == (3, b"out\n", b"err\n", False)
    assert shell("echo a; echo b >&2", tmp_path, merge_stderr=True).text == "a\nb\n"


def test_a_killed_program_has_the_shells_exit_code(tmp_path: Path) -> None:
    assert shell("kill -9 $$", tmp_path).exit_code == 137


def test_standard_input_is_closed_unless_bytes_are_given(tmp_path: Path) -> None:
    assert shell("cat; echo end", tmp_path, timeout=10).text == "end\n"
    data = os.urandom(300_000)
    assert shell("cat", tmp_path, stdin=data).stdout == data
    assert shell("exit 0", tmp_path, stdin=data).exit_code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="setsid(1) and /proc are Linux's")
def test_an_orphan_that_keeps_the_output_open_does_not_hold_the_call(tmp_path: Path) -> None:
    started = time.monotonic()
    done = shell("setsid sh -c 'echo $$; exec sleep 60' & sleep 0.2; echo done", tmp_path)
    pid, last = done.text.split()
    os.kill(int(pid), 9)
    assert last == "done"
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_background_child_is_ended_with_its_group(tmp_path: Path) -> None:
    async def check() -> bool:
        done = await run([*SHELL, "sleep 60 & echo $!"], cwd=tmp_path, timeout=30)
        return await gone(int(done.text))

    assert asyncio.run(check())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_timeout_ends_children_that_ignore_the_polite_signal(tmp_path: Path) -> None:
    async def check() -> tuple[Finished, bool]:
        command = "trap '' TERM; sh -c \"trap '' TERM; echo $$; sleep 60 & wait; sleep 60\""
        done = await run([*SHELL, command], cwd=tmp_path, timeout=0.5)
        return done, await gone(int(done.text))

    done, ended = asyncio.run(check())
    assert done.timed_out
    assert ended
    assert done.seconds < 8


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_cancelling_the_call_ends_the_group(tmp_path: Path) -> None:
    async def check() -> bool:
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        call = asyncio.create_task(
            run(
                [*SHELL, "sleep 60 & echo $!; wait"],
                cwd=tmp_path,
                timeout=60,
                on_output=lambda piece: seen.set_result(int(piece)),
            )
        )
        pid = await seen
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await gone(pid)

    assert asyncio.run(check())


def test_a_flood_of_output_is_bounded_and_counted(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = shell("head -c 200000000 /dev/zero; echo end", tmp_path, head_limit=1000, tail_limit=1000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert done.stdout.endswith(b"end\n")
    assert b"199,998,004 bytes left out" in done.stdout
    assert grown * (1 if sys.platform == "darwin" else 1024) < 20_000_000


def test_head_and_tail_keep_both_ends_of_small_pieces() -> None:
    kept = HeadTail(head_limit=3, tail_limit=4)
    for letter in b"abcdefghijklmnop":
        kept.add(bytes([letter]))
    assert kept.bytes() == b"abc\n[9 bytes left out]\nmnop"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_no_descriptor_and_no_zombie_stays_behind(tmp_path: Path) -> None:
    async def many() -> None:
        waiting: list[Awaitable[Finished]] = []
        for number in range(20):
            waiting.append(run([*SHELL, f"echo {number}"], cwd=tmp_path, timeout=20, stdin=b"x"))
            waiting.append(run([*SHELL, "sleep 9"], cwd=tmp_path, timeout=0.1))
        await asyncio.gather(*waiting)
        with pytest.raises(Unavailable):
            await run([str(tmp_path / "absent")], cwd=tmp_path, timeout=1)

    asyncio.run(many())
    before = set(os.listdir("/proc/self/fd"))
    asyncio.run(many())
    assert len(os.listdir("/proc/self/fd")) <= len(before)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_argument_that_cannot_be_passed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        asyncio.run(run(["/bin/echo", "a\0b"], cwd=tmp_path, timeout=5))


def test_children_see_only_the_allowed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
    environment = allowed_environment({"EXTRA": "1"})
    assert "SECRET_TOKEN" not in environment
    assert "GIT_DIR" not in environment
    assert environment["LC_CTYPE"] == "C.UTF-8"
    assert environment["EXTRA"] == "1"


def test_programs_are_not_found_through_relative_or_excluded_entries_of_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "git-of-the-repository"
    evil.write_text("#!/bin/sh\n")
    evil.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f":.:{tmp_path}:/usr/bin:/bin")
    assert search_path() == f"{tmp_path}:/usr/bin:/bin"
    assert search_path(tmp_path) == "/usr/bin:/bin"
    assert allowed_environment()["PATH"] == f"{tmp_path}:/usr/bin:/bin"
    with pytest.raises(Unavailable):
        program(evil.name, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("cancellations", [1, 4])
@pytest.mark.parametrize("turns", range(8))
def test_a_cancellation_in_the_middle_of_the_start_ends_the_call_and_the_program(
    turns: int, cancellations: int
) -> None:
    mark = f"60.7{cancellations}{turns}"

    async def main() -> None:
        call = asyncio.create_task(run(["/bin/sleep", mark], cwd="/", timeout=60))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(cancellations):  # anyio's scopes cancel again and again, until the task has ended
            call.cancel()
            await asyncio.sleep(0)
        done, _ = await asyncio.wait({call}, timeout=30)
        assert done
        assert call.cancelled()

    asyncio.run(main())
    assert not [line for line in map(command_line, Path("/proc").glob("[0-9]*")) if mark in line]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_what_left_the_group_ends_with_a_cancelled_program(tmp_path: Path) -> None:
    async def check() -> bool:
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        command = "setsid sh -c 'echo $$; exec sleep 60' & wait"
        call = asyncio.create_task(
            run(
                [*SHELL, command],
                cwd=tmp_path,
                timeout=60,
                on_output=lambda piece: seen.set_result(int(piece)),
            )
        )
        pid = await seen
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await gone(pid)

    assert asyncio.run(check())
