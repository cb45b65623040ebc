"""The one place where the workshop starts other programs.

Every child gets its own session (so that the whole group can be ended), no standard input unless bytes are
given, an environment built from an allow-list, a time limit, and bounded memory for what it prints.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_tools import usage
from kimi_tools.ending import end_group, kill_now, signal_group
from kimi_tools.errors import Unavailable
from kimi_tools.stream import HeadTail, Tap

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

LINGER_SECONDS = 0.5
"""How long output is still read after a program ended while a descendant keeps its pipe open."""


def allowed_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: the allowed names of our own, then `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT_ALLOWED or name.startswith("LC_")
    }
    return {**kept, "PATH": search_path(), **(extra or {})}


def search_path(outside: Path | None = None) -> str:
    """PATH without relative entries, and without those that lie in the directory `outside`.

    A repository may hold a file named `git` or `python`; it must never be found through an empty or
    relative entry of PATH (CVE-2023-40590).
    """
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(
        entry
        for entry in entries
        if os.path.isabs(entry) and not (outside and Path(os.path.realpath(entry)).is_relative_to(outside))
    )


@cache
def program(name: str, outside: Path | None = None) -> str:
    """The absolute path of a program on `search_path(outside)`, resolved once. Raises `Unavailable`."""
    found = shutil.which(name, path=search_path(outside))
    if found is None:
        raise Unavailable(f"The program '{name}' is not installed; install it or put it on PATH.")
    return found


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    `exit_code` is the shell's convention (128 + signal for a killed one). `stdout` and `stderr` are bounded;
    `stderr` is empty when it was merged. `stopped` says why it was ended when it used more than it may
    (`Limits`), else it is empty. `sandbox` names the level of protection that it ran under. `notes` are
    sentences from the sandbox that the caller should see.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False
    stopped: str = ""
    sandbox: str = "none"
    notes: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """How it ended, in a few words; an exit code above 128 names the signal that shells mean by it."""
        if self.stopped or self.timed_out:
            return self.stopped or "timed out"
        name = ""
        with contextlib.suppress(ValueError):
            name = f" ({signal.Signals(self.exit_code - 128).name})" if self.exit_code > 128 else ""
        return f"exit code {self.exit_code}{name}"

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line ready to start: what a sandbox makes of the command it is given.

    `limits`: what it may use; `in_memory`: directories as it sees them whose files may be kept in memory. `after`
    must be called once the command has ended or could not be started: it gives back what the launch holds (the
    `pass_fds`), and returns sentences that the caller should see (`Finished.notes`).
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    pass_fds: Sequence[int] = ()
    sandbox: str = "none"
    limits: usage.Limits = usage.UNLIMITED
    in_memory: Sequence[str] = ()
    after: Callable[[], Sequence[str]] | None = None


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
    masked: bool = False,
) -> Finished:
    """Run a program to its end.

    After `timeout` seconds, and on cancellation, however often, the program and all below it are ended (TERM,
    then KILL) before the call ends. `on_output` sees each piece of standard output as it arrives and must not
    block. `masked`: secrets are taken out of the output before it is kept or seen.

    Raises `Unavailable` when the program cannot be started.
    """
    launch = argv if isinstance(argv, Launch) else Launch(argv, environment or allowed_environment())
    started = time.monotonic()
    timed_out, stopped = False, ""
    with contextlib.ExitStack() as taps:
        out = taps.enter_context(contextlib.closing(Tap(HeadTail(head_limit, tail_limit), on_output, masked)))
        err = out
        if not merge_stderr:
            err = taps.enter_context(contextlib.closing(Tap(HeadTail(head_limit, tail_limit), None, masked)))
        process = await _start(launch, cwd, stdin, out, err)
        _running.add(process.pid)
        try:
            async with asyncio.timeout(timeout):
                stopped = await _ended_or_stopped(process, launch)
        except TimeoutError:
            timed_out = True
        finally:
            if process.returncode is None:
                await _to_its_end(end_group(process))
            _running.discard(process.pid)
        # A descendant may hold the pipes open for ever: what comes soon is read, then its group is ended.
        await asyncio.wait({out.ended, err.ended}, timeout=LINGER_SECONDS)
        signal_group(process.pid, signal.SIGKILL)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Finished(
        exit_code=code if code >= 0 else 128 - code,
        stdout=out.kept.bytes(),
        stderr=b"" if merge_stderr else err.kept.bytes(),
        seconds=time.monotonic() - started,
        timed_out=timed_out,
        stopped=stopped,
        sandbox=launch.sandbox,
    )


async def _ended_or_stopped(process: asyncio.subprocess.Process, launch: Launch) -> str:
    """Wait for the end of a program; or until it uses too much, and then say so."""
    ended = asyncio.create_task(process.wait())
    watch = asyncio.create_task(usage.exceeded(process.pid, launch.limits, launch.in_memory))
    try:
        await asyncio.wait({ended, watch}, return_when=asyncio.FIRST_COMPLETED)
        return watch.result() if watch.done() and not ended.done() else ""
    finally:
        ended.cancel()
        watch.cancel()


async def _start(
    launch: Launch, cwd: Path | str, stdin: bytes | None, out: Tap, err: Tap
) -> asyncio.subprocess.Process:
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(_source(stdin))
        try:
            starting = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *launch.argv,
                    cwd=cwd,
                    env=dict(launch.environment),
                    stdin=source,
                    stdout=out.write_end,
                    stderr=err.write_end,
                    start_new_session=True,
                    pass_fds=launch.pass_fds,
                )
            )
            try:
                return await asyncio.shield(starting)
            except asyncio.CancelledError:  # in the middle of a start, Python 3.11 would wait for ever
                await _to_its_end(_end_started(starting))
                raise
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            reason = error.strerror if isinstance(error, OSError) else None
            raise Unavailable(f"'{launch.argv[0]}' cannot be started: {reason or error}.") from error
        finally:
            for tap in {out, err}:
                tap.close_write_end()


@contextlib.contextmanager
def _source(data: bytes | None) -> Generator[int]:
    """Standard input: nothing, or an unnamed file of the given bytes, which no side can block on."""
    if data is None:
        yield asyncio.subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file.fileno()


_running: set[int] = set()
"""The leaders of the process groups that `run` waits for."""


def kill_all() -> None:
    """Kill every program that `run` waits for, and on Linux every other descendant of this process.

    For the end of the process, from any thread: nothing is awaited, nothing is put in order.
    """
    kill_now(_running)


async def _end_started(starting: "asyncio.Future[asyncio.subprocess.Process]") -> None:
    """End a child that is about to have started; what cannot be started needs no end."""
    with contextlib.suppress(OSError, ValueError):
        await end_group(await starting)


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Do work to its end, however often the caller is cancelled meanwhile; the cancellation comes after it."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
