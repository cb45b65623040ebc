"""Reading many files at once: a few worker processes parse and write, this one reads and hands out.

A worker is this Python running `kimi_tools.store.worker`. It gets file contents over its standard input, never
opens a file of the workspace, and ends when its input does, so also when this process dies.
"""

import contextlib
import os
import pickle
import queue
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kimi_tools.process import allowed_environment
from kimi_tools.store.database import Damaged, Store
from kimi_tools.syntax import Language, extract

WORKERS = min(os.cpu_count() or 1, 4)

PAUSE_SECONDS = 2.0

_BATCH_FILES = 64
_BATCH_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be read: its state from before its bytes were read, its content's key, and those bytes."""

    path: str
    state: bytes
    key: bytes
    language: Language
    data: bytes


Adopt = Callable[[list[Job], dict[bytes, int]], None]


def build(
    jobs: Iterable[Job], store: Store, adopt: Adopt, stop: threading.Event, calm: threading.Event
) -> None:
    """Index all jobs; `adopt` hears of each batch that is in the store. Raises `Damaged`.

    While `calm` is not set, a question is reading ahead: no new batch is begun, for `PAUSE_SECONDS` at most.
    """
    team = _Team(store, adopt, calm)
    try:
        for batch in batches(jobs):
            if stop.is_set():
                break
            ids = store.ids(job.key for job in batch)
            adopt([job for job in batch if job.key in ids], ids)
            if new := [job for job in batch if job.key not in ids]:
                team.take(new)
    finally:
        team.finish(stop.is_set())


def batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += len(job.data)
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Team:
    """The workers, started when there is a second batch for them; each is fed by one thread."""

    def __init__(self, store: Store, adopt: Adopt, calm: threading.Event) -> None:
        self._calm = calm
        self._store = store
        self._adopt = adopt
        self._tasks: queue.Queue[list[Job] | None] = queue.Queue(WORKERS * 2)
        self._threads: list[threading.Thread] = []
        self._first: list[Job] | None = None

    def take(self, batch: list[Job]) -> None:
        if self._first is None and not self._threads:
            self._first = batch
            return
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._feed, name=f"index-{number}", daemon=True)
                for number in range(WORKERS)
            ]
            for thread in self._threads:
                thread.start()
            if self._first:
                self._tasks.put(self._first)
        self._tasks.put(batch)

    def finish(self, stopped: bool) -> None:
        """Wait for what was handed out."""
        if stopped:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._tasks.get_nowait()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        if self._first and not self._threads and not stopped:
            self._here(self._first)

    def _here(self, batch: list[Job]) -> None:
        self._adopt(batch, self._store.add([(job.key, extract(job.language, job.data)) for job in batch]))

    def _feed(self) -> None:
        worker = Worker.start(self._store)
        try:
            while (batch := self._tasks.get()) is not None:
                self._calm.wait(PAUSE_SECONDS)
                try:
                    if worker is not None and worker.index(batch):
                        self._adopt(batch, self._store.ids(job.key for job in batch))
                        continue
                    worker = None
                    self._here(batch)
                except (Damaged, sqlite3.Error):
                    continue  # the next look starts again; until then the queue must not fill
        finally:
            if worker is not None:
                worker.end()


class Worker:
    """A worker process: of symbols, or of `words`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @staticmethod
    def start(store: Store, what: str = "symbols") -> "Worker | None":
        """Start one; None where processes cannot be started or the store is only in this one's memory."""
        if store.folder is None:
            return None
        entries = [entry for entry in sys.path if os.path.isabs(entry)]
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "kimi_tools.store.worker", str(store.folder), what],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=store.folder,
                env=allowed_environment({"PYTHONPATH": os.pathsep.join(entries)}),
                start_new_session=True,
            )
        except OSError:
            return None
        return Worker(process)

    def index(self, batch: list[Job]) -> bool:
        """Have a batch indexed; False when the worker has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump([(job.key, job.language.name, job.data) for job in batch], self._process.stdin, 5)
            self._process.stdin.flush()
            return self._process.stdout.read(1) == b"+"
        except OSError:
            return False

    def end(self) -> None:
        """Close its input, which ends it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
