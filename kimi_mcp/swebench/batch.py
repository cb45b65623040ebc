"""A batch on disk: what is to be done, what is done, and how to go on after any stop.

::

    <out>/batch.json                       what the batch is; a different one is refused in the same folder
    <out>/<kind>/<instance>.json           one outcome, written whole or not at all
    <out>/<kind>/<instance>/<file>         what the job left: patch, log, trajectory
    <out>/preds.jsonl                      the predictions, made from the outcomes

An instance is done when its outcome file is there, so a batch can be killed at any point and started again: it
does neither twice nor never. Outcomes `failed`, `crashed` and `timed_out` count as ended; `retry` does them again.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench.engine import Engine, side_by_side
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.source import data
from kimi_mcp.swebench.tally import Tally


@dataclass(slots=True)
class Brake:
    """Pulled, no further job of a batch begins."""

    pulled: bool = False


class Batch:
    """One folder of outcomes of one kind (`solve`, `evaluate`, `validate`)."""

    def __init__(self, out: Path, kind: str, description: Mapping[str, Any]) -> None:
        self.out = out
        self.kind = kind
        self.folder = out / kind
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._pin(description)
        except OSError as error:
            raise BatchError(
                f"The folder {out} cannot be written: {error.strerror}; choose another --out."
            ) from None

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other drivers out of this folder; the system gives the lock back, however we end."""
        file = self.out / f".{self.kind}.lock"
        with file.open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise BatchError(
                    f"{self.out} is in use by another kimi-mcp ({lock.read().strip()}); wait for it, or choose "
                    "another --out."
                ) from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            lock.flush()
            self._tidy()
            yield

    def _tidy(self) -> None:
        """Remove outcomes that killed drivers left half written; none but us writes any now."""
        for pattern in (".*.part", "*/.*.part"):
            for part in self.folder.glob(pattern):
                part.unlink(missing_ok=True)

    def _pin(self, description: Mapping[str, Any]) -> None:
        """A folder belongs to one batch: resuming with other instances or another model would mix results."""
        file = self.out / f"{self.kind}.batch.json"
        wanted = json.dumps(description, indent=1, sort_keys=True)
        if not file.exists():
            write_whole(file, wanted)
        elif file.read_text("utf-8") != wanted:
            before = _table(file)
            if before is None:
                raise BatchError(f"{file} is damaged; choose another --out, or delete it.")
            differs = sorted(
                key for key in {*before, *description} if before.get(key) != description.get(key)
            )
            raise BatchError(
                f"{self.out} holds a batch with another {', '.join(differs)}; choose another --out, or delete it."
            )

    def outcome(self, instance: str) -> Ended | None:
        """The kept outcome of an instance, without its files; None also where a disk damaged it."""
        file = self.folder / f"{instance}.json"
        kept = _table(file) if file.is_file() else None
        if kept is None:
            return None
        kept["files"] = {}
        try:
            return Ended(**kept)
        except TypeError:
            return None

    def outcomes(self) -> dict[str, Ended]:
        """All kept outcomes by instance."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        return {name: ended for name in names if (ended := self.outcome(name)) is not None}

    def file(self, instance: str, name: str) -> Path:
        """Where a file that a job left is kept."""
        return self.folder / instance / name

    def keep(self, ended: Ended) -> Ended:
        """Keep an outcome: its files first, then, as the mark that it is whole, the outcome itself.

        Returns it without its files. Raises `BatchError` where the disk does not take it.
        """
        try:
            for name, text in ended.files.items():
                target = self.file(ended.instance, Path(name).name)
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, text)
            write_whole(self.folder / f"{ended.instance}.json", json.dumps(ended.to_json(), indent=1))
        except OSError as error:
            raise BatchError(
                f"The outcome of {ended.instance} cannot be kept in {self.out}: {error.strerror}; what was kept "
                "before is whole, so mend this and start again with the same words."
            ) from None
        return replace(ended, files={})

    async def run(
        self, engine: Engine, jobs: Sequence[Job], *, retry: bool = False, brake: Brake | None = None
    ) -> AsyncGenerator[tuple[Tally, Ended | None]]:
        """Run what is not done yet; yields the tally at the start and after each end.

        A pulled `brake` lets what runs end, and begins nothing more.
        """
        tally = Tally(len(jobs))
        todo: list[Job] = []
        with self._alone():
            for job in jobs:
                kept = self.outcome(job.instance)
                if kept is None or (retry and kept.status != "done"):
                    todo.append(job)
                else:
                    tally.add(kept, resumed=True)
            yield tally, None
            if not todo:
                return

            def taken() -> Iterator[Job]:
                for job in todo:
                    if brake is not None and brake.pulled:
                        return
                    tally.running[job.instance] = time.monotonic()
                    yield job

            async def perform(job: Job) -> Ended:
                return await asyncio.to_thread(self.keep, await engine.perform(job))

            async with engine, aclosing(side_by_side(taken(), engine.workers, perform)) as outcomes:
                async for ended in outcomes:
                    tally.add(ended)
                    yield tally, ended


def _table(file: Path) -> dict[str, Any] | None:
    """The JSON object that a file holds; None where it is damaged."""
    try:
        found: object = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], found) if isinstance(found, dict) else None


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, whenever we are killed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def fingerprint(path: Path) -> str:
    """The hash of what a file or pipe holds, or all files below a folder: tells one set of instances from another."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            digest.update(
                f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape")
            )
            digest.update(file.read_bytes())
    else:
        digest.update(data(path))
    return digest.hexdigest()[:16]
