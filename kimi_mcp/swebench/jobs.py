"""One piece of work on one instance, in a process of its own.

A job is plain JSON, so that a local process, a Ray worker on another machine and a test run the same thing. Its
outcome is plain JSON too, with the files (patch, log, trajectory) that the driver keeps.
"""

import asyncio
import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.scratch import Scratch
from kimi_tools.errors import ToolError

MAX_FILE_CHARS = 20_000_000
"""A kept file above this is cut in its middle; a flood of test output must not fill the driver's disk."""


@dataclass(frozen=True, slots=True)
class Job:
    """`work` names an async function `module:name` that takes `arguments` and a folder to work in.

    `seconds` is its limit as a whole; `instance` the id under which its outcome is kept. `needs` are the folders
    that every machine must have on which it may run.
    """

    instance: str
    work: str
    arguments: Mapping[str, Any]
    seconds: float
    needs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    `status`: `done`; `failed` (the work said why in one sentence, and may have kept what it had); `crashed` (its
    process died, or a bug flew); `timed_out`. `facts` is what the work returned; `files` maps names to text.
    """

    instance: str
    status: str
    seconds: float
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: dict[str, Any]())
    files: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())

    def to_json(self) -> dict[str, Any]:
        """The outcome without its files."""
        return {**{k: v for k, v in asdict(self).items() if k != "files"}, "files": sorted(self.files)}


@dataclass(frozen=True, slots=True)
class Worked:
    """What a job's function returns: facts for the report, and files to keep.

    `failed`: why it came to no result, where what it has until then is worth keeping.
    """

    facts: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    failed: str = ""


async def perform(job: Job) -> Ended:
    """Run a job in a child process, and end it with all its descendants when its time is over, or when cancelled.

    What the job does never raises: a crash or a hang of one instance is its own outcome. Raises `BatchError` where
    this machine can start no job at all.
    """
    try:
        scratch = await asyncio.to_thread(Scratch)
    except OSError as error:
        raise _cannot_start(error) from None
    try:
        return await _performed(job, scratch.path)
    finally:
        await asyncio.to_thread(scratch.remove)


async def _performed(job: Job, scratch: Path) -> Ended:
    started = time.monotonic()
    request, answer, said = (scratch / name for name in ("job.json", "ended.json", "stderr.txt"))
    try:
        process = await _started(job, request, answer, said)
    except OSError as error:
        raise _cannot_start(error) from None
    status = "crashed"
    try:
        code = await asyncio.wait_for(process.wait(), job.seconds)
        error = f"its process ended with exit code {code}"
        if code < 0:
            error = f"its process was ended by {_signal_name(-code)} (exit code {code})"
    except TimeoutError:
        status, error = "timed_out", f"it did not end within {job.seconds:.0f} s"
    finally:
        await _end(process)
    seconds = time.monotonic() - started
    if answer.is_file():
        return await asyncio.to_thread(_answered, job, seconds, answer)
    tail = said.read_text("utf-8", "replace")[-2000:].strip()
    return Ended(job.instance, status, seconds, f"{error}{': ' + tail if tail else ''}")


async def _started(job: Job, request: Path, answer: Path, said: Path) -> asyncio.subprocess.Process:
    folder = request.parent / "work"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"folder": str(folder), "answer": str(answer), "parent": os.getpid()}
    request.write_text(json.dumps({**asdict(job), **paths}), "utf-8")
    with said.open("wb") as stderr:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "kimi_mcp.swebench.jobs",
            str(request),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )


def _cannot_start(error: OSError) -> BatchError:
    place = error.filename or tempfile.gettempdir()
    return BatchError(
        f"No job can be started on {socket.gethostname()}: {error.strerror} ({place}); "
        "what is done is kept, mend this and start again with the same words."
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _answered(job: Job, seconds: float, answer: Path) -> Ended:
    return Ended(job.instance, seconds=seconds, **json.loads(answer.read_text("utf-8")))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process's whole group, also where the process itself has ended."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), patience)


def _die_with_parent(parent: int) -> None:
    """Linux: the kernel ends us when our parent is gone, so that a killed driver leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os.kill(os.getpid(), signal.SIGKILL)


def main(request_path: str) -> None:
    """The child: run the job's function and leave the outcome where the parent looks."""
    request = cast(dict[str, Any], json.loads(Path(request_path).read_text("utf-8")))
    _die_with_parent(request["parent"])
    module, _, name = str(request["work"]).partition(":")
    work = getattr(importlib.import_module(module), name)
    ended: dict[str, Any]
    try:
        worked = cast(Worked, asyncio.run(work(request["arguments"], Path(request["folder"]))))
        files = {name: _bounded(text) for name, text in worked.files.items()}
        status = "failed" if worked.failed else "done"
        ended = {"status": status, "error": worked.failed, "facts": dict(worked.facts), "files": files}
    except ToolError as error:
        ended = {"status": "failed", "error": str(error)}
    answer = Path(request["answer"])
    part = answer.with_suffix(".part")
    part.write_text(json.dumps(ended), "utf-8")
    part.replace(answer)


def _bounded(text: str) -> str:
    if len(text) <= MAX_FILE_CHARS:
        return text
    half = MAX_FILE_CHARS // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[-half:]}"


if __name__ == "__main__":
    main(sys.argv[1])
