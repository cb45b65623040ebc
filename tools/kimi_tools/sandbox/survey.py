"""Where in a workspace the protected things are, kept up to date cheaply.

A directory's change time moves whenever an entry of it is made, removed or renamed, and no program can set it
back; so a second look reads only the directories that changed. Comparing a thousand times still takes 1 to 2 ms;
in a large tree on a disk of this machine the kernel is asked to say when nothing has changed at all.
"""

import os
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kimi_tools.protected import PROTECTED, names_secret, plain_name
from kimi_tools.watch import ENTRIES, Watch

_CLOCK_TICK_NS = 20_000_000
"""A change within one tick of the kernel's file clock (4 to 10 ms) leaves the same change time."""

_MANY = 300
"""Directories, from which on the kernel is asked to tell of changes."""

_LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "overlay"})
"""File systems that nobody changes but by this machine's kernel, so that it sees every change."""

_INSTALLED = ("node_modules", "site-packages")

Identity = tuple[int, int]
"""Device and inode."""


@dataclass(slots=True)
class _Folder:
    inode: int
    changed: int
    seen: int
    folders: list[str]
    found: dict[str, Identity]


@dataclass(slots=True, weakref_slot=True)
class Survey:
    """The protected entries and secret files of one tree.

    Protected: every `.git` at any depth, and the other protected names in the root itself, where editors and
    agents look for them. Directories of installed packages are not looked into, as editors do not either (VS
    Code's `git.repositoryScanIgnoredFolders`): they can hold more directories than all the rest.
    """

    root: Path
    _folders: dict[str, _Folder] = field(default_factory=lambda: dict[str, _Folder]())
    _found: dict[str, Identity] = field(default_factory=lambda: dict[str, Identity]())
    _watch: Watch | None = None
    _unwatched: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> dict[str, Identity]:
        """The protected entries and secret files there are now, by path relative to the root."""
        with self._lock:
            if self._watch is not None and self._watch.silent():
                return dict(self._found)
            if self._watch is None and not self._unwatched and len(self._folders) >= _MANY:
                self._begin_to_watch()
            self._found = self._compare()
            return dict(self._found)

    def _begin_to_watch(self) -> None:
        """From the next look on, know when nothing has changed. The folders are watched first, then compared."""
        self._unwatched = True
        if not on_local_disk(self.root):
            return
        with suppress(OSError):
            watch = Watch(str(self.root), ENTRIES)
            weakref.finalize(self, watch.close)
            watch.add(self._folders)
            self._watch, self._unwatched = watch, False

    def _watch_again(self, path: str) -> None:
        """Watch a folder that is about to be read: it is new, or it may be another than before."""
        if self._watch is not None:
            try:
                self._watch.add([path], again=True)
            except OSError:  # the system's limit: compare from now on
                self._watch, self._unwatched = None, True

    def _compare(self) -> dict[str, Identity]:
        found: dict[str, Identity] = {}
        fresh: dict[str, _Folder] = {}
        pending = [""]
        while pending:
            path = pending.pop()
            folder = self._folder(path)
            if folder is not None:
                fresh[path] = folder
                pending += folder.folders
                found |= folder.found
        self._folders = fresh
        return found

    def _folder(self, path: str) -> _Folder | None:
        full = f"{self.root}/{path}" if path else str(self.root)
        try:
            status = os.lstat(full)
            inode, changed = status.st_ino, status.st_ctime_ns
            known = self._folders.get(path)
            same = known is not None and (known.inode, known.changed) == (inode, changed)
            if known is not None and same and known.seen - changed > _CLOCK_TICK_NS:
                return known
            self._watch_again(path)
            now = time.time_ns()
            folder = _Folder(inode, changed, now, [], {})
            with os.scandir(full) as entries:
                for entry in entries:
                    self._sort_in(folder, path, entry)
        except OSError:
            return None
        return folder

    @staticmethod
    def _sort_in(folder: _Folder, path: str, entry: os.DirEntry[str]) -> None:
        inner = f"{path}/{entry.name}" if path else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if watched(inner) or (not is_folder and names_secret(entry.name)):
            status = entry.stat(follow_symlinks=False)
            folder.found[inner] = (status.st_dev, status.st_ino)
        elif is_folder and entry.name not in _INSTALLED:
            folder.folders.append(inner)


def on_local_disk(root: Path) -> bool:
    """Whether a directory lies on a file system that only this machine changes; False when that is not known."""
    with suppress(OSError):
        device = os.stat(root).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines():
            fields = line.split()
            if fields[2] == number:
                return fields[fields.index("-") + 1] in _LOCAL
    return False


def watched(path: str) -> bool:
    """Whether an entry is protected from commands: a `.git` anywhere, the other names in the root."""
    above, _, name = path.rpartition("/")
    plain = plain_name(name)
    return plain == ".git" or (not above and plain in PROTECTED)


def hides(path: str) -> bool:
    """Whether a command sees that file empty: by its name it holds passwords of the user.

    Keys and certificates are left: tests need theirs.
    """
    return names_secret(path) and not path.endswith((".pem", ".key", ".p12", ".pfx", ".jks", ".keystore"))
