"""The words of a workspace's files: read after the symbols, so that they never delay those.

They are kept in the same database, keyed by the same content. A question first reads the files that changed;
the first time, the rest is read in the background by one worker process.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from kimi_tools.index.live import Index
from kimi_tools.index.store import Damaged
from kimi_tools.index.terms import file_terms

AHEAD_SECONDS = 1.0
"""Of processor time that one question spends on reading words, at most."""


class Words:
    """The words of one index's files."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._sizes: dict[int, tuple[int, ...]] = {}
        self._version = -1
        self._blobs: dict[str, int] = {}
        self._lock = threading.Lock()

    def refresh(self, first: Iterable[str] = (), seconds: float = AHEAD_SECONDS) -> int:
        """Read what has not been read, those files `first`; how many are left when the time is over."""
        with self._lock:
            self._blobs = self._index.entries()
            missing = self._missing()
            if not missing:
                return 0
            self._sizes = self._index.store.word_sizes()
            missing = self._missing()
            order = {path: number for number, path in enumerate(first)}
            missing.sort(key=lambda path: (order.get(path, len(order)), path))
            ends = time.thread_time() + seconds
            for start in range(0, len(missing), 20):
                if time.thread_time() > ends:
                    break
                self._read(missing[start : start + 20])
            return len(self._missing())

    def _missing(self) -> list[str]:
        return [path for path, blob in self._blobs.items() if blob not in self._sizes]

    def _read(self, paths: Iterable[str]) -> None:
        entries = [
            (self._blobs[path], *file_terms(job.language, job.data))
            for path in paths
            if (job := self._index.job(path)) and job.key == self._index.key(path)
        ]
        self._index.store.add_words(entries)
        self._sizes.update((blob, sizes) for blob, _, sizes in entries)

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """How many words each field of each file holds; without the files whose words are not yet read."""
        return {path: self._sizes[blob] for path, blob in self._blobs.items() if blob in self._sizes}

    def places(self, term: str) -> list[tuple[str, bytes]]:
        """The files that hold a term, with its packed occurrences."""
        return [(path, packed) for blob, packed in self._index.store.places(term) for path in self._index.paths(blob)]


_words: WeakKeyDictionary[Index, Words] = WeakKeyDictionary()


def words_of(index: Index) -> Words:
    """The words of an index: one for each."""
    if (found := _words.get(index)) is None:
        found = _words[index] = Words(index)
    return found
