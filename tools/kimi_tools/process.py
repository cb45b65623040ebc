"""The one place where the workshop starts other programs.

Every child gets its own session (so that the whole group can be ended), no standard input unless bytes are
given, an environment built from an allow-list, a time limit, and bounded memory for what it prints.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kimi_tools.errors import Unavailable

ENVIRONMENT_ALLOWED = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "TERM",
        "TZ",
        "CI",
        "TMPDIR",
        "USER",
        "LOGNAME",
        "SHELL",
        "VIRTUAL_ENV",
    }
    | {"CONDA_PREFIX", "JAVA_HOME", "GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "CARGO_HOME", "RUSTUP_HOME"}
    | {"PYENV_ROOT", "NVM_DIR", "GEM_HOME", "GEM_PATH", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE"}
)
"""Names that children inherit, beside every `LC_*`. An allow-list: a deny-list always misses a secret."""

GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL of a process group."""


def allowed_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: the allowed names of our own, then `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT_ALLOWED or name.startswith("LC_")
    }
    return {**kept, **(extra or {})}


@cache
def program(name: str) -> str:
    """The absolute path of a program on PATH, resolved once; relative entries of PATH are ignored.

    A repository may hold a file named `git` or `python`; it must never be found through
    PATH (CVE-2023-40590). Raises `Unavailable`.
    """
    folders = [
        entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(entry).is_absolute()
    ]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise Unavailable(f"The program '{name}' is not installed; install it or put it on PATH.")
    return found


@dataclass(slots=True)
class HeadTail:
    """Keeps the first and the last bytes of a stream; memory is bounded however much arrives."""

    head_limit: int = 200_000
    tail_limit: int = 800_000
    head: bytearray = field(default_factory=bytearray)
    tail: deque[bytes] = field(default_factory=lambda: deque[bytes]())
    tail_size: int = 0
    left_out: int = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece of the stream."""
        if (room := self.head_limit - len(self.head)) > 0:
            self.head += piece[:room]
            piece = piece[room:]
        if not piece:
            return
        self.tail.append(piece)
        self.tail_size += len(piece)
        while self.tail and self.tail_size - len(self.tail[0]) >= self.tail_limit:
            dropped = self.tail.popleft()
            self.tail_size -= len(dropped)
            self.left_out += len(dropped)

    def bytes(self) -> bytes:
        """Head and tail, with a line between them that counts what was left out."""
        tail = b"".join(self.tail)
        if not self.left_out:
            return bytes(self.head) + tail
        return bytes(self.head) + f"\n[{self.left_out:,} bytes left out]\n".encode() + tail


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    `exit_code` is the shell's convention (128 + signal for a killed one). `stdout` and `stderr` are bounded;
    `stderr` is empty when it was merged. `sandbox` names the level of protection that it ran under.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False
    sandbox: str = "none"

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line ready to start: what a sandbox makes of the command it is given."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    pass_fds: Sequence[int] = ()
    sandbox: str = "none"


async def run(
    argv: Sequence[str] | Launch,
    *,
    cwd: Path | str,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    merge_stderr: bool = False,
    head_limit: int = 200_000,
    tail_limit: int = 800_000,
    on_output: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run a program to its end.

    After `timeout` seconds, and on cancellation, the whole process group is ended (TERM, then KILL) and no
    descendant in it survives. `on_output` sees each piece of standard output as it arrives and must not
    block. Raises `Unavailable` when the program cannot be started.
    """
    launch = argv if isinstance(argv, Launch) else Launch(argv, environment or allowed_environment())
    started = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *launch.argv,
            cwd=cwd,
            env=dict(launch.environment),
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if merge_stderr else asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=launch.pass_fds,
        )
    except OSError as error:
        raise Unavailable(f"'{launch.argv[0]}' cannot be started: {error.strerror or error}.") from error
    out = HeadTail(head_limit, tail_limit)
    err = HeadTail(head_limit, tail_limit)
    timed_out = False
    streams = asyncio.gather(
        _drain(process.stdout, out, on_output), _drain(process.stderr, err, None), _feed(process, stdin)
    )
    try:
        try:
            async with asyncio.timeout(timeout):
                await process.wait()
        except TimeoutError:
            timed_out = True
        if timed_out:
            await end_group(process)
        # A descendant that left the group may hold the pipes open: what is there is read, then we go.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5 if not timed_out else 0.2):
                await asyncio.shield(streams)
    finally:
        if process.returncode is None:
            await asyncio.shield(end_group(process))
        else:
            signal_group(process.pid, signal.SIGKILL)
        if not streams.done():
            streams.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await streams
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Finished(
        exit_code=code if code >= 0 else 128 - code,
        stdout=out.bytes(),
        stderr=err.bytes(),
        seconds=time.monotonic() - started,
        timed_out=timed_out,
        sandbox=launch.sandbox,
    )


def signal_group(pid: int, number: int) -> None:
    """Signal the process group that `pid` leads; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def end_group(process: asyncio.subprocess.Process) -> None:
    """End a child's process group: TERM, up to two seconds, KILL."""
    signal_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    signal_group(process.pid, signal.SIGKILL)
    await process.wait()


async def _drain(
    stream: asyncio.StreamReader | None, into: HeadTail, listener: Callable[[bytes], None] | None
) -> None:
    if stream is None:
        return
    while piece := await stream.read(65_536):
        into.add(piece)
        if listener is not None:
            listener(piece)


async def _feed(process: asyncio.subprocess.Process, data: bytes | None) -> None:
    if data is None or process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
