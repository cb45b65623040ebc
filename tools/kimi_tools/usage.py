"""How much memory and how many processes a command may use, and how much it does use.

Looked at from outside, again and again: control groups would be exact, but need a service manager or root, and
an address-space limit breaks programs that reserve what they never use (Java, Node, WebAssembly). Works where
there is a Linux /proc; elsewhere nothing is limited, and `watched` says so.
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_tools.errors import BadArguments

TASKS = 4096
"""Processes and threads of one command, if nothing else is said; a large build has some hundreds."""

_SHARE = 0.75
"""Of the machine's memory, for one command, if nothing else is said."""

_PAUSE_SECONDS = 0.1
_RATIO = 20
"""Between two looks: 0.1 s, or twenty times as long as the look took, so that looking costs 5 % at most."""

_FIRST_VICTIM = "1000"
"""The `oom_score_adj` of commands: where memory ends before our look comes, the kernel ends these first."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_STATUS = re.compile(rb"^(RssAnon|RssShmem|VmSwap|Threads):\s+(\d+)", re.MULTILINE)
_PROPORTIONAL = re.compile(rb"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command and all that it starts may use. `memory` in bytes; 0 is no limit.

    Memory is what lies in the machine's memory for it alone: its processes' own pages (those that several share
    counted once), swap, and files in its temporary directories where these are kept in memory. `tasks` are
    processes and threads.
    """

    memory: int = 0
    tasks: int = 0

    @staticmethod
    def default() -> "Limits":
        """Three quarters of the memory of this machine or container, 4,096 processes."""
        return Limits(int(_SHARE * machine_memory()), TASKS)


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Use:
    """What a tree of processes uses at one moment, as far as it was counted."""

    memory: int
    tasks: int


def parse_size(text: str) -> int:
    """Bytes from `512M`, `4G`, `1.5GiB` or a plain number. Raises `BadArguments`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise BadArguments(f"'{text}' is no amount of memory; write it like 512M or 4G.")
    return int(float(match[1]) * _UNITS[match[2]])


def size_text(size: int) -> str:
    """An amount of memory for people, in the units of `parse_size`."""
    return f"{size / (1 << 30):.1f}G" if size >= 1 << 30 else f"{size / (1 << 20):.0f}M"


@cache
def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container that it is; 0 where that is not known."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
    limits = [whole]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # `max` is no number
            limits.append(int(Path(name).read_text()))
    return min(limits)


def watched() -> bool:
    """Whether commands are watched on this system: a kernel that lists children in /proc."""
    own = os.getpid()
    return os.path.exists(f"/proc/{own}/task/{own}/children")


async def exceeded(pid: int, limits: Limits, folders: Sequence[str] = ()) -> str:
    """Wait until a process and all below it use too much; gives the sentence that says so.

    `folders`: directories, as these processes see them, whose files are counted as memory when they are kept
    there. Never returns where nothing is limited.
    """
    if not watched() or not (limits.memory or limits.tasks):
        await asyncio.Event().wait()
    pause = _PAUSE_SECONDS / 2  # most commands have ended by then
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        told = await asyncio.to_thread(_judge, pid, limits, folders)
        if told:
            return told
        pause = max(_PAUSE_SECONDS, _RATIO * (time.monotonic() - started))


def _judge(pid: int, limits: Limits, folders: Sequence[str]) -> str:
    used = measure(pid, limits, folders)
    if limits.tasks and used.tasks >= limits.tasks:
        return (
            f"ended because it had {used.tasks:,} processes and threads, and {limits.tasks:,} are allowed; "
            "start fewer at a time (--max-processes allows more)"
        )
    if limits.memory and used.memory > limits.memory:
        return (
            f"ended because it used {size_text(used.memory)} of memory, and {size_text(limits.memory)} is "
            "allowed; do less at a time (--max-memory allows more)"
        )
    return ""


def measure(pid: int, limits: Limits, folders: Sequence[str] = ()) -> Use:
    """What a process and all below it use; counting ends where a limit is passed."""
    tasks = resident = 0
    pids: list[int] = []
    for one in tree(pid):
        found = {name: int(value) for name, value in _STATUS.findall(_read(f"/proc/{one}/status"))}
        if not found:
            continue
        pids.append(one)
        tasks += found.get(b"Threads", 1)
        resident += sum(found.get(name, 0) for name in (b"RssAnon", b"RssShmem", b"VmSwap"))
        if limits.tasks and tasks >= limits.tasks:
            break
    _make_first_victims(pids)
    files = _kept_in_memory(pids, folders)
    if limits.memory and 1024 * resident + files > limits.memory:
        resident = sum(_proportional(one) for one in pids)
    return Use(1024 * resident + files, tasks)


def _proportional(pid: int) -> int:
    """KiB of a process, what it shares with others counted by its part; its whole where that is not told."""
    found = _PROPORTIONAL.findall(_read(f"/proc/{pid}/smaps_rollup"))
    if found:
        return sum(map(int, found))
    own = dict(_STATUS.findall(_read(f"/proc/{pid}/status")))
    return sum(int(own.get(name, 0)) for name in (b"RssAnon", b"RssShmem", b"VmSwap"))


def _kept_in_memory(pids: Sequence[int], folders: Sequence[str]) -> int:
    """Bytes of files in the directories, each file system once. The newest process that can be asked is asked."""
    for pid in reversed(pids):
        sizes: dict[int, int] = {}
        for folder in folders:
            with contextlib.suppress(OSError):
                path = f"/proc/{pid}/root{folder}"
                status = os.statvfs(path)
                sizes[os.stat(path).st_dev] = (status.f_blocks - status.f_bfree) * status.f_frsize
        if sizes:
            return sum(sizes.values())
    return 0


def _make_first_victims(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "r+") as file:
            if file.read().strip() != _FIRST_VICTIM:
                file.seek(0)
                file.write(_FIRST_VICTIM)


def tree(*pids: int) -> Iterator[int]:
    """Processes and all below them, parents first; those whose parent has died are not among them."""
    pending, seen = list(reversed(pids)), set[int]()
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        yield one
        try:
            threads = os.listdir(f"/proc/{one}/task")
        except OSError:
            continue
        for thread in threads:
            pending += map(int, _read(f"/proc/{one}/task/{thread}/children").split())


def started(pid: int) -> bytes:
    """When a process started, in the kernel's ticks: with its number it names one process. Empty if it is gone."""
    fields = _fields(pid)
    return fields[19] if len(fields) > 19 else b""


def state(pid: int) -> bytes:
    """The letter of proc(5) for what a process does: `R` runs, `S` waits, `T` stands still, `Z` has ended."""
    return b"".join(_fields(pid)[:1])


def _fields(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
