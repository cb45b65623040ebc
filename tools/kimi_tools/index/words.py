"""The words of a workspace's files: read after the symbols, so that they never delay those.

They are kept in the same database, keyed by the same content. A question reads the files that have changed; when
there are many, it reads those that matter to it, and worker processes read the rest in the background.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from kimi_tools import progress
from kimi_tools.index.build import WORKERS, Job, Worker, batches
from kimi_tools.index.live import Index
from kimi_tools.store.database import Damaged
from kimi_tools.store.terms import file_terms

AHEAD_SECONDS = 0.7
"""Of processor time that one question spends on reading words, at most."""

_STEP = 20
_REPORT_SECONDS = 1.0
_MOMENT_SECONDS = 0.05


class Words:
    """The words of one index's files. Call `refresh` before asking."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._generation = -1
        self._sizes: dict[int, tuple[int, ...]] = {}
        self._entries: dict[str, int] = {}
        self._lock = threading.Lock()
        self._building: threading.Thread | None = None
        self._read_behind = 0

    def refresh(self, first: Iterable[str] = ()) -> int:
        """Read what has not been read, the files `first`; how many are left when the time is over.

        Those are then read in the background. Files that the index itself does not hold yet are among them.
        """
        with self._lock:
            unread = self._index.coverage.waiting
            for _ in range(2):
                try:
                    return unread + self._refresh(first)
                except Damaged:
                    self._sizes.clear()
            return unread + len(self._entries)

    async def complete(self, seconds: float) -> int:
        """Wait for all symbols and words, at most so long; how many files are still missing.

        What is missing is reported as progress.
        """
        ends = time.monotonic() + seconds
        await self._index.complete(seconds)
        while True:
            waiting = await asyncio.to_thread(self.refresh)
            left = ends - time.monotonic()
            if not waiting or left <= 0:
                return waiting
            self._read_behind = 0
            while (left := ends - time.monotonic()) > 0:
                done = min(self._read_behind, waiting)
                progress.report(f"Reading words: {done:,} of {waiting:,} files.", done, waiting)
                await asyncio.to_thread(self._wait, min(left, _REPORT_SECONDS))
                if not (self._building and self._building.is_alive()):
                    break
            await self._index.refresh()

    def _wait(self, seconds: float) -> None:
        """Wait for the reading in the background; for a moment where there is none, and the next look starts it."""
        if self._building and self._building.is_alive():
            self._building.join(seconds)
        else:
            time.sleep(min(seconds, _MOMENT_SECONDS))

    def _refresh(self, first: Iterable[str]) -> int:
        self._entries = self._index.entries()
        store = self._index.store
        if self._generation != store.generation or self._missing():
            self._generation = store.generation
            self._sizes = store.word_sizes()
        missing = self._missing()
        order = {path: number for number, path in enumerate(first)}
        missing.sort(key=lambda path: (order.get(path, len(order)), path))
        ends = time.thread_time() + AHEAD_SECONDS
        for start in range(0, len(missing), _STEP):
            self._read(missing[start : start + _STEP])
            if time.thread_time() > ends:
                break
        left = self._missing()
        if left and self._index.coverage.complete and not (self._building and self._building.is_alive()):
            self._building = threading.Thread(target=self._build, args=(left,), name="words", daemon=True)
            self._building.start()
        return len(left)

    def _missing(self) -> list[str]:
        return [path for path, entry in self._entries.items() if entry not in self._sizes]

    def _job(self, path: str) -> Job | None:
        """A file's content, when it is still the one that the index has read."""
        job = self._index.job(path)
        return job if job is not None and job.key == self._index.key(path) else None

    def _read(self, paths: Iterable[str]) -> None:
        entries = [
            (self._entries[path], *file_terms(job.language, job.data))
            for path in paths
            if (job := self._job(path))
        ]
        self._index.store.add_words(entries)
        self._sizes.update((entry, sizes) for entry, _, sizes in entries)

    def _build(self, paths: list[str]) -> None:
        """The reading in the background; what fails is read by the next questions."""
        tasks = batches(job for path in paths if (job := self._job(path)))
        taking = threading.Lock()

        def next_batch() -> list[Job] | None:
            with taking:
                return None if self._index.closed else next(tasks, None)

        feeding = [
            threading.Thread(target=self._feed, args=(next_batch,), daemon=True) for _ in range(WORKERS)
        ]
        for thread in feeding:
            thread.start()
        for thread in feeding:
            thread.join()

    def _feed(self, next_batch: Callable[[], list[Job] | None]) -> None:
        """Have one worker process read batches."""
        worker = Worker.start(self._index.store, "words")
        if worker is None:
            return
        try:
            with contextlib.suppress(Damaged, sqlite3.Error):
                while (batch := next_batch()) and worker.index(batch):
                    self._read_behind += len(batch)
        finally:
            worker.end()

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """How many words each field of each file holds; without the files whose words are not yet read."""
        return {path: self._sizes[entry] for path, entry in self._entries.items() if entry in self._sizes}

    def places(self, term: str) -> dict[str, bytes]:
        """The files that hold a term, with its packed occurrences."""
        found, paths = self._index.store.places(term), self._index.by_entry()
        return {path: packed for entry, packed in found for path in paths.get(entry, ())}


_words: WeakKeyDictionary[Index, Words] = WeakKeyDictionary()


def words_of(index: Index) -> Words:
    """The words of an index: one for each."""
    if (found := _words.get(index)) is None:
        found = _words[index] = Words(index)
    return found
