"""A workspace's files as a search of the whole of it sees them: which there are, and what each can hold.

Knowledge is used only while the kernel has told of every change since it was gathered (`Tree.look`); otherwise a
search asks rg to walk, as if there were no tree, and the tree is gathered anew in the background. All times are
compared again every few seconds of use, for what the kernel does not tell (a write through a memory map).
"""

import asyncio
import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import platformdirs

from kimi_tools.errors import ToolError
from kimi_tools.grams import outside
from kimi_tools.grams.gather import Listing, gather
from kimi_tools.grams.kept import Kept
from kimi_tools.grams.signature import Kind, Shelf, read
from kimi_tools.grams.worker import Worker
from kimi_tools.index.listing import IGNORE_FILES, same, settled, size_of, state_of
from kimi_tools.process import allowed_environment
from kimi_tools.ripgrep import HUGE_BYTES
from kimi_tools.watch import Touched, Watch
from kimi_tools.workspace import Workspace, door

MEMORY = 64 * 1024 * 1024
"""Bytes of signatures that one workspace keeps in memory; files above it are always candidates."""

_AT_ONCE = 8
"""So many changed files are read before a question is answered; more make the tree be gathered anew."""
_AT_ONCE_BYTES = 2_000_000
_AGAIN_SECONDS = 10.0
_BATCH_BYTES = 1_000_000
_FOR_A_WORKER = 40
_MOST_LINKED = 200


@dataclass(slots=True)
class Seen:
    """One file: its state when it was read (empty: not yet), its content's key."""

    state: bytes = b""
    key: bytes = b""


@dataclass(slots=True)
class Facts:
    """What is known of the files. Sets are of paths relative to the root."""

    files: dict[str, Seen] = field(default_factory=dict[str, Seen])
    kinds: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set[str]() for kind in Kind})
    huge: set[str] = field(default_factory=set[str])
    unsure: set[str] = field(default_factory=set[str])
    linked: set[str] = field(default_factory=set[str])
    """Files with a second name, under which they may be changed unseen; looked at every time."""
    shelf: Shelf = field(default_factory=Shelf)

    def put(self, path: str, seen: Seen, kind: Kind, bits: bytes, linked: bool) -> None:
        """Note what a file is now."""
        self.drop(path)
        self.files[path] = seen
        self.kinds[kind].add(path)
        if size_of(seen.state) > HUGE_BYTES:
            self.huge.add(path)
        elif kind is Kind.TEXT:
            self.shelf.put(path, bits if self.shelf.bytes < MEMORY else b"")
        if not settled(seen.state):
            self.unsure.add(path)
        if linked:
            self.linked.add(path)

    @property
    def hopeless(self) -> bool:
        """Whether there is something that rules the use of all this out."""
        return bool(self.kinds[Kind.ODD]) or len(self.linked) > _MOST_LINKED

    def drop(self, path: str) -> None:
        """Forget a file."""
        self.files.pop(path, None)
        for paths in (*self.kinds.values(), self.huge, self.unsure, self.linked):
            paths.discard(path)
        self.shelf.drop(path)


class Tree:
    """One workspace's. `look` before every question; `renew` after it."""

    def __init__(self, workspace: Workspace, kept: Kept) -> None:
        self._workspace = workspace
        self._kept = kept
        self._root = str(workspace.root)
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._usable = outside.is_local(workspace.root)
        self._ready = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._due = 0.0
        self._outside: list[str] = []
        self._outside_states: tuple[tuple[int, ...], ...] = ()
        self._tidied = False
        self._altered = 0
        self._linked: set[str] = set()
        self.facts = Facts()
        self.listing = Listing()

    def look(self) -> bool:
        """Take in what the kernel tells; whether `facts` and `listing` are true now."""
        with self._lock:
            if not self._ready or self._watch is None:
                return False
            touched = self._watch.touched()
            current = (
                touched is not None
                and outside.states(self._outside) == self._outside_states
                and not any(self._alters_listing(item) for item in touched)
            )
            if touched is not None and current:
                self.facts.unsure |= {item.path for item in touched} & self.facts.files.keys()
                self.facts.unsure |= self.facts.linked
                current = self._read_unsure() and not self.facts.hopeless
            if not current:
                self._altered += 1
            self._ready = current
            return current

    def _alters_listing(self, item: Touched) -> bool:
        """Whether something that happened can change which files there are."""
        path = item.path
        if path in self.facts.files:
            return path.rpartition("/")[2] in IGNORE_FILES or item.folder
        if path in self.listing.unlisted:
            return path.rpartition("/")[2] in IGNORE_FILES or item.folder or path in self.listing.special
        if path in self.listing.closed:
            return not item.folder
        return item.folder or os.path.lexists(os.path.join(self._root, path))

    def _read_unsure(self) -> bool:
        """Read the few files that may have changed; False when they are too many to do so now."""
        changed = [path for path in tuple(self.facts.unsure) if not self._unchanged(path)]
        room = _AT_ONCE_BYTES
        for path in changed:
            state = state_of(self._workspace, path)
            room -= size_of(state)
            if not state:
                self.facts.drop(path)
            elif room < 0 or len(changed) > _AT_ONCE or (data := self._content(path, state)) is None:
                return False
            else:
                self._put(path, Seen(state, _key(data)), *read(data))
        return True

    def _put(self, path: str, seen: Seen, kind: Kind, bits: bytes) -> None:
        self.facts.put(path, seen, kind, bits, path in self._linked)

    def _unchanged(self, path: str) -> bool:
        now = state_of(self._workspace, path)
        if now != self.facts.files[path].state or not settled(now):
            return False
        self.facts.unsure.discard(path)
        return True

    def _content(self, path: str, state: bytes) -> bytes | None:
        """A file's bytes, none of a huge one; None when it cannot be read."""
        if size_of(state) > HUGE_BYTES:
            return b""
        try:
            descriptor = door.open_beneath(self._workspace.descriptor, path, os.O_RDONLY | os.O_NOFOLLOW)
        except (ToolError, OSError):
            return None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            try:
                data = file.read(HUGE_BYTES + 1)
            except OSError:
                return None
        if status.st_nlink > 1:
            self._linked.add(path)
        return data

    def renew(self) -> None:
        """Begin to gather the tree anew in the background, when that is due."""
        if self._closed or not self._usable:
            return
        if (self._ready or self.facts.hopeless) and time.monotonic() < self._due:
            return
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._renew())

    async def settled(self) -> bool:
        """Wait for what runs in the background; whether the tree can be used then."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task})
        return await asyncio.to_thread(self.look)

    async def _renew(self) -> None:
        started = time.monotonic()
        try:
            self._usable = await self._gathered()
        except (ToolError, OSError):
            self._usable = False  # no inotify, too many folders, no rg: every search walks
        self._due = time.monotonic() + max(_AGAIN_SECONDS, 20 * (time.monotonic() - started))

    async def _gathered(self) -> bool:
        watch = self._watch or Watch(self._root)
        self._watch = watch
        paths = outside.ignore_files(self._workspace.root)
        altered = self._altered
        while True:
            states = outside.states(paths)
            listing = await gather(self._workspace)
            if listing is None:
                return False
            paths = [*outside.ignore_files(self._workspace.root), *listing.linked_rules]
            if not watch.add(listing.folders) and states == outside.states(paths):
                break
        await asyncio.to_thread(self._take, listing)
        self._outside, self._outside_states = paths, states
        if self._closed:
            return False
        with self._lock:
            self._ready = altered == self._altered and not self.facts.hopeless
        return True

    def _take(self, listing: Listing) -> None:
        """Take a new listing over, and read what has changed."""
        self._linked = {path for path in listing.files if self._is_linked(path)}
        if not self.facts.files:
            self._recall(listing)
        with self._lock:
            self.listing = listing
            gone = [path for path in self.facts.files if path not in listing.files]
            for path in gone:
                self.facts.drop(path)
        changed = [
            path
            for path in listing.files
            if (state := state_of(self._workspace, path))
            and (path not in self.facts.files or self.facts.files[path].state != state or not settled(state))
        ]
        rows = self._read(changed)
        self._kept.see(self._root, rows, gone)
        if not self._tidied:
            self._tidied = True
            self._kept.tidy([seen.key for seen in self.facts.files.values()])

    def _is_linked(self, path: str) -> bool:
        try:
            return os.stat(path, dir_fd=self._workspace.descriptor, follow_symlinks=False).st_nlink > 1
        except OSError:
            return False

    def _recall(self, listing: Listing) -> None:
        """Start from what an earlier session saw."""
        rows = self._kept.seen(self._root)
        contents = self._kept.contents(key for _, _, key in rows)
        with self._lock:
            for path, state, key in rows:
                if path in listing.files and key in contents:
                    self._put(path, Seen(state, key), *contents[key])

    def _read(self, paths: Sequence[str]) -> list[tuple[str, bytes, bytes]]:
        """Read files, on a worker when they are many; what they are now, for keeping."""
        worker: Worker | None = None
        rows: list[tuple[str, bytes, bytes]] = []
        try:
            if len(paths) > _FOR_A_WORKER:
                with contextlib.suppress(OSError):
                    worker = Worker(allowed_environment())
            for batch in self._batches(paths):
                if self._closed:
                    break
                rows += self._adopt(batch, worker)
        finally:
            if worker is not None:
                worker.end()
        return rows

    def _batches(self, paths: Iterable[str]) -> Iterable[list[tuple[str, bytes, bytes]]]:
        """Files with their states and bytes."""
        batch: list[tuple[str, bytes, bytes]] = []
        size = 0
        for path in paths:
            state = state_of(self._workspace, path)
            data = self._content(path, state) if state else None
            if data is None:
                continue
            batch.append((path, state, data))
            size += len(data)
            if size > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _adopt(
        self, batch: list[tuple[str, bytes, bytes]], worker: Worker | None
    ) -> list[tuple[str, bytes, bytes]]:
        keys = [_key(data) for _, _, data in batch]
        known = self._kept.contents(keys)
        new = {key: data for key, (_, _, data) in zip(keys, batch, strict=True) if key not in known}
        if new:
            read_now = worker.read(list(new.values())) if worker else [read(data) for data in new.values()]
            made = dict(zip(new, read_now, strict=True))
            self._kept.add((key, *one) for key, one in made.items())
            known |= made
        rows: list[tuple[str, bytes, bytes]] = []
        with self._lock:
            for (path, state, _), key in zip(batch, keys, strict=True):
                if not same(state, state_of(self._workspace, path)):
                    state = b""  # it changed while it was read, and is read again before it is believed
                self._put(path, Seen(state, key), *known[key])
                if settled(state):
                    rows.append((path, state, key))
        return rows

    def close(self) -> None:
        """End what runs in the background."""
        self._closed = True
        self._ready = False
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
        with self._lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._kept.close()


def _key(data: bytes) -> bytes:
    blob = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    blob.update(data)
    return blob.digest()


_trees: dict[int, Tree] = {}


def tree_of(workspace: Workspace) -> Tree:
    """The tree of a workspace: one for each, closed with it."""
    tree = _trees.get(id(workspace))
    if tree is None:
        tree = _trees[id(workspace)] = Tree(
            workspace, Kept(platformdirs.user_cache_path("kimi-mcp") / "search")
        )
        workspace.on_close(lambda: _trees.pop(id(workspace)).close())
    return tree
