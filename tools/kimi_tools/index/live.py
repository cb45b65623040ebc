"""One workspace's index: what its files hold now."""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import platformdirs

from kimi_tools import progress
from kimi_tools.index import listing
from kimi_tools.index.build import Job, build
from kimi_tools.index.coverage import Coverage
from kimi_tools.index.files import Files, Known
from kimi_tools.index.outlines import Outlines
from kimi_tools.index.watching import Watching
from kimi_tools.store.database import Damaged, Mention, Store, Symbol, content_key
from kimi_tools.syntax import Definition, extract, language_of, unpack
from kimi_tools.watch import Touched
from kimi_tools.workspace import Workspace

FILE_BYTES = 1_000_000
"""Larger files are generated or data; they are counted, not indexed."""

_AHEAD_SECONDS = 1.5
"""Of processor time, so that a loaded machine answers as wholly as an idle one."""
_STEP = 20
_ATTEMPTS = 3
_REPORT_SECONDS = 1.0
_MOMENT_SECONDS = 0.05

_UNREAD = b"?"
"""The key of a file that is listed but not yet read; folders and ignore files have an empty one."""

T = TypeVar("T")

AT_ONCE = 150
"""So many changed files are read before a question is answered; more are read in the background."""


class Index:
    """The index of one workspace. Call `refresh` before asking; the questions themselves only look up."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store
        self._root = os.fsencode(workspace.root)
        self._files = Files()
        self._watched: dict[str, bytes] = {}
        self._lock = threading.RLock()
        self._opened = False
        self._building: threading.Thread | None = None
        self._closed = threading.Event()
        self._calm = threading.Event()
        self._calm.set()
        self._watching = Watching(str(workspace.root))
        self._young: set[str] = set()
        self._looks = 0
        self._generation = store.generation
        self._outlines = Outlines()

    @property
    def version(self) -> int:
        """Rises whenever an answer may have become another."""
        return self._files.version

    @property
    def coverage(self) -> Coverage:
        """How much of the workspace the index holds now."""
        with self._lock:
            return self._files.coverage

    async def refresh(self) -> None:
        """Take in what has changed since the last look.

        A few changed files are read now; many are read in the background, and `coverage` says so meanwhile.
        """
        for _ in range(_ATTEMPTS):
            try:
                if await asyncio.to_thread(self._look):
                    found = await listing.list_files(self._workspace)
                    await asyncio.to_thread(self._take, found)
                await asyncio.to_thread(self._settle)
                self._looks += 1
                if self._looks > 1:
                    await asyncio.to_thread(self._follow)
                return
            except Damaged:
                self._start_again()

    async def complete(self, seconds: float) -> Coverage:
        """Wait for the background build, at most so long; what is missing is reported as progress."""
        ends = time.monotonic() + seconds
        while True:
            await self.refresh()
            coverage = self.coverage
            left = ends - time.monotonic()
            if coverage.complete or left <= 0:
                return coverage
            progress.report(coverage.note(), coverage.files - coverage.waiting, coverage.files)
            await asyncio.to_thread(self._wait, min(left, _REPORT_SECONDS))

    def _wait(self, seconds: float) -> None:
        """Wait for the build that is running; for a moment where none is, and the next look starts one."""
        thread = self._building
        if thread is not None and thread.is_alive():
            thread.join(seconds)
        else:
            self._closed.wait(min(seconds, _MOMENT_SECONDS))

    def statistics(self) -> dict[str, str | int]:
        """Where the database is, how large it is, and what it holds of all workspaces."""
        return {"database": self._store.path, "bytes": self._store.size(), **self._store.counts()}

    def close(self) -> None:
        """End the background build and let go of the database."""
        self._closed.set()
        thread = self._building
        if thread is not None:
            thread.join(30)
        self._watching.close()
        self._store.close()

    def _start_again(self) -> None:
        """Forget everything, as the database has."""
        with self._lock:
            self._generation = self._store.generation
            self._files.forget_all()
            self._watched.clear()

    def changed_since(self, version: int) -> list[str]:
        """The files that were read anew, or have gone, after a version of the index."""
        with self._lock:
            return self._files.changed_since(version)

    def _look(self) -> bool:
        """Find out what has changed. Returns whether the list of files must be made again."""
        with self._lock:
            if not self._opened:
                self._opened = True
                self._recall()
            if self._generation != self._store.generation:
                self._start_again()
            touched = self._watching.touched()
            if touched is None:
                return self._compare()
            again = any(self._concerns_listing(item) for item in touched)
            changed = {item.path for item in touched} & self._files.keys()
            for path in changed | self._young:
                if path in self._files:
                    self._check(path)
            return again

    def _concerns_listing(self, item: Touched) -> bool:
        if item.folder:
            return item.path in self._watched or not listing.is_cache(item.path)
        if item.path in self._watched or item.path.rpartition("/")[2] in listing.IGNORE_FILES:
            return True
        return item.path not in self._files and listing.may_hold_code(self._workspace, item.path)

    def _compare(self) -> bool:
        """Compare all times with the disk."""
        if self._store.renewed():
            self._start_again()
        again = not self._watched
        for path, before in self._watched.items():
            now = listing.state_of(self._workspace, path)
            if now != before or not listing.settled(now):
                again = True
                break
        for path in list(self._files):
            self._check(path)
        self._watching.compared()
        return again

    def _check(self, path: str) -> None:
        """Compare one file's times with the disk; what a changed one held is not shown until it is read again."""
        known = self._files[path]
        now = listing.state_of(self._workspace, path)
        if now == known.state and listing.settled(now):
            self._young.discard(path)
            return
        self._files.doubt(path)

    def _follow(self) -> None:
        self._watching.follow(path for path in self._watched if path not in self._files)

    def _recall(self) -> None:
        """Start from what the last process saw."""
        rows = self._store.remembered(self._root)
        ids = self._store.ids(key for _, _, key in rows if key)
        for raw, state, key in rows:
            path = os.fsdecode(raw)
            if key:
                self._files[path] = Known(state if key in ids else b"", key, ids.get(key, 0))
            else:
                self._watched[path] = state
        if ids:
            self._store.used(ids.values())

    def _take(self, found: listing.Listing) -> None:
        """Take over a new list of files."""
        with self._lock:
            gone = [path for path in self._files if path not in found.files]
            for path in gone:
                self._files.forget(path)
            unwatched = [path for path in self._watched if path not in found.watched]
            new = [path for path in found.files if path not in self._files]
            self._files.update((path, Known()) for path in new)
            self._files.too_large &= found.files
            self._watched = found.watched
            self._store.remember(
                self._root,
                [
                    *((os.fsencode(path), state, b"") for path, state in self._watched.items()),
                    *((os.fsencode(path), b"", _UNREAD) for path in new),
                ],
                [os.fsencode(path) for path in (*gone, *unwatched)],
            )
            self._files.changed()

    def _settle(self) -> None:
        """Read the changed files: a few now, many in the background."""
        with self._lock:
            changed = [path for path, known in self._files.items() if not known.state]
            if not changed:
                return
            building = self._building is not None and self._building.is_alive()
            if len(changed) <= AT_ONCE:
                self._read(changed)
            elif not building:
                self._building = threading.Thread(
                    target=self._build, args=(changed,), name="index", daemon=True
                )
                self._building.start()

    def _read(self, paths: Iterable[str]) -> None:
        """Index files now."""
        jobs = [job for path in paths if (job := self._job(path))]
        self._adopt(jobs, self._entries(jobs))

    def _entries(self, jobs: list[Job]) -> dict[bytes, int]:
        ids = self._store.ids(job.key for job in jobs)
        new = {job.key: job for job in jobs if job.key not in ids}
        if new:
            ids |= self._store.add([(key, extract(job.language, job.data)) for key, job in new.items()])
        return ids

    def _job(self, path: str) -> Job | None:
        """A file to be read, with its state from before the reading; None when it holds nothing to index."""
        state = listing.state_of(self._workspace, path)
        data = (
            listing.read(self._workspace, path, FILE_BYTES) if listing.size_of(state) <= FILE_BYTES else None
        )
        language = language_of(path, data or b"")
        if data is None or language is None or not language.indexed:
            with self._lock:
                self._files.forget(path, too_large=listing.size_of(state) > FILE_BYTES)
            return None
        return Job(path, state, content_key(language, data), language, data)

    def _adopt(self, jobs: list[Job], ids: dict[bytes, int]) -> None:
        """Join files with their entries."""
        with self._lock:
            rows: list[tuple[bytes, bytes, bytes]] = []
            if self._generation != self._store.generation:
                return  # these ids are of a database that is gone
            for job in jobs:
                if job.path not in self._files or job.key not in ids:
                    continue
                if not listing.same(job.state, listing.state_of(self._workspace, job.path)):
                    continue  # it changed after it was read; a newer look must not be undone
                self._files.adopt(job.path, Known(job.state, job.key, ids[job.key]))
                if not listing.settled(job.state):
                    self._young.add(job.path)
                rows.append((os.fsencode(job.path), job.state, job.key))
            if rows:
                self._store.remember(self._root, rows, ())

    def _build(self, paths: list[str]) -> None:
        """The background build, in its own thread."""
        with contextlib.suppress(Damaged, sqlite3.Error):  # the next look starts again
            build(
                (job for path in paths if self._waits(path) and (job := self._job(path))),
                self._store,
                self._adopt,
                self._closed,
                self._calm,
            )
        if not self._closed.is_set():
            self._store.trim()

    def _waits(self, path: str) -> bool:
        known = self._files.get(path)
        return known is not None and not known.state

    async def ahead(self, word: str) -> list[str]:
        """While the build runs, read the files that hold a word before a question about it is asked.

        Returns those files, tests last; none when nothing needs to be read. Takes `_AHEAD_SECONDS` at most;
        what is not read by then is in `coverage`.
        """
        if self.coverage.complete or not word:
            return []
        self._calm.clear()
        try:
            holding = await self.holding(word)
            await asyncio.to_thread(self._read_ahead, holding)
        finally:
            self._calm.set()
        return holding

    async def holding(self, word: str) -> list[str]:
        """The files that hold some letters, tests last, whether or not they are in the index."""
        return await listing.holding(self._workspace, word)

    def _read_ahead(self, holding: list[str]) -> None:
        ends = time.thread_time() + _AHEAD_SECONDS
        for start in range(0, len(holding), _STEP):
            with self._lock:
                part = [path for path in holding[start : start + _STEP] if path in self._files]
                self._read(path for path in part if not self._files[path].blob)
            if time.thread_time() > ends:
                break

    def symbols(self, name: str, *, prefix: bool = False) -> list[Symbol]:
        """Definitions of a name, or of names that start with it in any letter case; by path and line."""

        def work() -> list[Symbol]:
            found = [
                Symbol(path, definition)
                for blob, definition in self._store.symbols_named(name, prefix=prefix)
                for path in self.by_entry().get(blob, [])
            ]
            return sorted(found, key=lambda symbol: (symbol.path, symbol.definition.first_line))

        return self._ask(work)

    def outline(self, path: str) -> list[Definition] | None:
        """The definitions of one file, by line; None when it is not in the index."""

        def work() -> list[Definition] | None:
            known = self._files.get(path)
            if known is None:
                return None
            if not known.blob:
                self._read([path])
            if not known.blob:
                return []  # it changed while it was read: what it held before is not shown
            return self._outlines.of(known.key, lambda: self._store.symbols_in(known.blob))

        return self._ask(work)

    def mentions(self, name: str) -> list[Mention]:
        """The lines of code on which a name occurs, by path and line."""
        found = sorted(self.mentioning(name).items())
        return [Mention(path, line, use) for path, lines in found for line, use in unpack(lines)]

    def mentioning(self, name: str) -> dict[str, bytes]:
        """The files in whose code a name occurs, with its packed lines; cheaper than `mentions` for many."""

        def work() -> dict[str, bytes]:
            paths = self.by_entry()
            return {path: lines for blob, lines in self._store.mentions(name) for path in paths.get(blob, ())}

        return self._ask(work)

    def names(self) -> dict[str, list[str]]:
        """Every defined name of the workspace, with the files that define it."""

        def work() -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for name, blob in self._store.names():
                if paths := self.by_entry().get(blob, []):
                    found.setdefault(name, []).extend(paths)
            return found

        return self._ask(work)

    def mentioned(self, path: str) -> list[tuple[str, bytes]]:
        """The names that occur in one file's code, with their packed lines."""
        known = self._files.get(path)
        return self._ask(lambda: self._store.mentioned(known.blob)) if known and known.blob else []

    @property
    def closed(self) -> bool:
        """Whether the workspace was closed."""
        return self._closed.is_set()

    @property
    def store(self) -> Store:
        """The database."""
        return self._store

    def entries(self) -> dict[str, int]:
        """The files that were read, with their entries' numbers."""
        with self._lock:
            return {path: known.blob for path, known in self._files.items() if known.blob}

    def by_entry(self) -> Mapping[int, list[str]]:
        """The files that each entry is the content of."""
        with self._lock:
            return self._files.by_entry()

    def key(self, path: str) -> bytes:
        """The key of a file's content as it was read; empty when that is not in the index, or no longer so."""
        with self._lock:
            known = self._files.get(path)
            return known.key if known and known.blob else b""

    def job(self, path: str) -> Job | None:
        """A file's content as it is now; None when it holds no code."""
        return self._job(path)

    def files(self) -> list[str]:
        """The files with code, sorted."""
        with self._lock:
            return sorted(self._files)

    def _ask(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                if self._generation != self._store.generation:
                    raise Damaged
                return work()
            except Damaged:
                self._start_again()
                return work()


_indexes: dict[int, Index] = {}


def index_of(workspace: Workspace) -> Index:
    """The index of a workspace: one for each, in the user's cache directory, closed with the workspace."""
    index = _indexes.get(id(workspace))
    if index is None:
        index = _indexes[id(workspace)] = Index(workspace, Store(cache_folder()))
        workspace.on_close(lambda: _indexes.pop(id(workspace)).close())
    return index


def cache_folder() -> Path:
    """Where the index is kept."""
    return platformdirs.user_cache_path("kimi-mcp") / "index"
