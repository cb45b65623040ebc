"""Where in a workspace the protected things are, kept up to date cheaply.

A directory's change time moves whenever an entry of it is made, removed or renamed, and no program can set it
back; so a second look reads only the directories that changed.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from kimi_tools.protected import PROTECTED, names_secret, plain_name

_CLOCK_TICK_NS = 20_000_000
"""A change within one tick of the kernel's file clock (4 to 10 ms) leaves the same change time."""

_INSTALLED = ("node_modules", "site-packages")

Identity = tuple[int, int]
"""Device and inode."""


@dataclass(slots=True)
class _Folder:
    changed: int
    seen: int
    folders: list[str]
    found: dict[str, Identity]


@dataclass(slots=True)
class Survey:
    """The protected entries and secret files of one tree.

    Protected: every `.git` at any depth, and the other protected names in the root itself, where editors and
    agents look for them. Directories of installed packages are not looked into, as editors do not either (VS
    Code's `git.repositoryScanIgnoredFolders`): they can hold more directories than all the rest.
    """

    root: Path
    _folders: dict[str, _Folder] = field(default_factory=lambda: dict[str, _Folder]())

    def look(self) -> dict[str, Identity]:
        """The protected entries and secret files there are now, by path relative to the root."""
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
            changed = os.lstat(full).st_ctime_ns
            known = self._folders.get(path)
            if known is not None and known.changed == changed and known.seen - changed > _CLOCK_TICK_NS:
                return known
            now = time.time_ns()
            folder = _Folder(changed, now, [], {})
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
