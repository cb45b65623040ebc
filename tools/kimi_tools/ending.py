"""Ending a program and all that it has started, whatever group or session they are in.

What is below a program is read from a Linux /proc; elsewhere only its process group is ended.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping

from kimi_tools import usage

GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL of a process group."""

_STILL_SECONDS = 1.0
_LOOK_SECONDS = 0.002
"""Until all below a program stand still, and between two looks at them."""


def signal_group(pid: int, number: int) -> None:
    """Signal the process group that `pid` leads; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


async def end_group(process: asyncio.subprocess.Process) -> None:
    """End a child and all below it: TERM to its group, up to two seconds, KILL to each of them.

    They stand still while those below it are noted: the first process of a sandbox leaves the group, others may
    do so too, and what is started meanwhile would outlive the call.
    """
    known = {process.pid: usage.started(process.pid)}
    await _soon(lambda: _halted(known), _STILL_SECONDS)
    signal_group(process.pid, signal.SIGTERM)
    for pid in known:
        _signal(pid, signal.SIGCONT)
    await _ended_soon(process)
    await _soon(lambda: _halted(known), _STILL_SECONDS)
    signal_group(process.pid, signal.SIGKILL)
    _kill(known)
    await _ended_soon(process)
    await _soon(lambda: not any(map(_lives, known.items())), GRACE_SECONDS)


def kill_now(groups: Iterable[int]) -> None:
    """Kill these process groups, and on Linux every descendant of this process; nothing is put in order."""
    known = {pid: usage.started(pid) for pid in usage.tree(os.getpid()) if pid != os.getpid()}
    for _ in range(round(_STILL_SECONDS / _LOOK_SECONDS)):
        if _halted(known):
            break
        time.sleep(_LOOK_SECONDS)
    for pid in groups:
        signal_group(pid, signal.SIGKILL)
    _kill(known)


def _halted(known: dict[int, bytes]) -> bool:
    """Stop all below known processes that is not known yet, and note it; whether none of them runs any more."""
    alive = [pid for pid, _ in filter(_lives, known.items())]
    new = {pid: usage.started(pid) for pid in usage.tree(*alive) if pid not in known}
    for pid in (*alive, *new):
        _signal(pid, signal.SIGSTOP)
    known |= new
    return not new and all(usage.state(pid) not in (b"R", b"S") for pid in alive)


def _kill(known: Mapping[int, bytes]) -> None:
    for pid, _ in filter(_lives, known.items()):
        _signal(pid, signal.SIGKILL)


def _lives(one: tuple[int, bytes]) -> bool:
    """Whether a noted process is still there; if not, its number may be a stranger's by now."""
    pid, started = one
    return bool(started) and usage.started(pid) == started and usage.state(pid) != b"Z"


async def _ended_soon(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()


async def _soon(true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so that nothing tells us of, `seconds` at most."""
    for _ in range(round(seconds / _LOOK_SECONDS)):
        if true():
            return
        await asyncio.sleep(_LOOK_SECONDS)
