"""One piece of work on one instance, in a process of its own.

A job is plain JSON, so that a local process, a Ray worker on another machine and a test run the same thing. Its
outcome is plain JSON too, with the files (patch, log, trajectory) that the driver keeps.
"""

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

MAX_FILE_CHARS = 20_000_000
"""A kept file above this is cut in its middle; a flood of test output must not fill the driver's disk."""


@dataclass(frozen=True, slots=True)
class Job:
    """`work` names an async function `module:name` that takes `arguments` and a folder to work in.

    `seconds` is its limit as a whole; `instance` the id under which its outcome is kept.
    """

    instance: str
    work: str
    arguments: Mapping[str, Any]
    seconds: float
    keep_folder: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    `status`: `done`; `failed` (the work said why in one sentence); `crashed` (its process died, or a bug flew);
    `timed_out`. `facts` is what the work returned; `files` maps names to text.
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
    """What a job's function returns: facts for the report, and files to keep."""

    facts: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


def perform(job: Job) -> Ended:
    """Run a job in a child process, and end it with all its descendants when its time is over.

    Never raises for what the job does: a crash or a hang of one instance is its own outcome.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kimi-mcp-job-", ignore_cleanup_errors=True) as scratch:
        folder = Path(job.keep_folder or Path(scratch) / "work")
        folder.mkdir(parents=True, exist_ok=True)
        request, answer, said = (Path(scratch) / name for name in ("job.json", "ended.json", "stderr.txt"))
        request.write_text(json.dumps({**asdict(job), "folder": str(folder), "answer": str(answer)}))
        with said.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kimi_mcp.swebench.jobs", str(request)],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )
            status, error = "crashed", ""
            try:
                code = process.wait(job.seconds)
                error = f"its process ended with exit code {code}"
            except subprocess.TimeoutExpired:
                status, error = "timed_out", f"it did not end within {job.seconds:.0f} s"
            finally:
                _end(process)
        seconds = time.monotonic() - started
        if answer.is_file():
            return Ended(job.instance, seconds=seconds, **json.loads(answer.read_text("utf-8")))
        tail = said.read_text("utf-8", "replace")[-2000:].strip()
        return Ended(job.instance, status, seconds, f"{error}{': ' + tail if tail else ''}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def _die_with_parent() -> None:
    """Linux: the kernel ends us when our parent is gone, so that a killed driver leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main(request_path: str) -> None:
    """The child: run the job's function and leave the outcome where the parent looks."""
    import asyncio

    from kimi_tools.errors import ToolError

    _die_with_parent()
    request = cast(dict[str, Any], json.loads(Path(request_path).read_text("utf-8")))
    module, _, name = str(request["work"]).partition(":")
    work = getattr(importlib.import_module(module), name)
    ended: dict[str, Any]
    try:
        worked = cast(Worked, asyncio.run(work(request["arguments"], Path(request["folder"]))))
        files = {name: _bounded(text) for name, text in worked.files.items()}
        ended = {"status": "done", "facts": dict(worked.facts), "files": files}
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
