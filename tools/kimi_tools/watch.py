"""What has changed below some folders, asked of the Linux kernel at the moment of a question.

inotify puts an event into our queue before the system call that caused it returns, so a look that reads the
queue is exact, where a watcher thread would lag behind. It does not see what other machines do on a network
file system, nor writes through a memory map: whoever uses it must compare times now and then as well.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_CREATE, _DELETE, _MODIFY, _ATTRIB, _CLOSE_WRITE = 0x100, 0x200, 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _DELETE_SELF, _MOVE_SELF = 0x40, 0x80, 0x400, 0x800
_OVERFLOW, _IGNORED, _IS_DIR = 0x4000, 0x8000, 0x40000000
_ONLY_DIR, _DONT_FOLLOW = 0x01000000, 0x02000000
_WANTED = (
    *(_CREATE, _DELETE, _MODIFY, _ATTRIB, _CLOSE_WRITE),
    *(_MOVED_FROM, _MOVED_TO, _DELETE_SELF, _MOVE_SELF, _ONLY_DIR, _DONT_FOLLOW),
)
_MASK = sum(_WANTED)
ENTRIES = _MASK & ~(_MODIFY | _CLOSE_WRITE)
"""Only that entries were made, removed or renamed, or have other permissions."""

_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Touched:
    """One entry of a watched folder that something happened to."""

    path: str
    folder: bool


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class Watch:
    """A queue of events for some folders of a root. Raises `OSError` where there is no inotify.

    `mask`: which events; by default also changes of files.
    """

    def __init__(self, root: str, mask: int = _MASK) -> None:
        if sys.platform != "linux":
            raise OSError("inotify is Linux's")
        self._root = root
        self._mask = mask
        self._folders: dict[int, str] = {}
        self._known: set[str] = set()
        self._descriptor = int(_libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def close(self) -> None:
        """Let go of the queue."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def add(self, folders: Iterable[str], *, again: bool = False) -> int:
        """Watch more folders, named relative to the root; how many are new.

        `again`: also folders that have the name of one that is watched already, as they may be others. Raises
        `OSError` when the system's limit is met.
        """
        before = len(self._known)
        add = _libc().inotify_add_watch
        for folder in folders:
            if folder in self._known and not again:
                continue
            number = add(self._descriptor, os.fsencode(os.path.join(self._root, folder)), self._mask)
            if number >= 0:
                self._folders[number] = folder
                self._known.add(folder)
            elif (code := ctypes.get_errno()) not in (
                2,
                13,
                20,
            ):  # gone, forbidden or no folder: nothing to see
                raise OSError(code, "inotify_add_watch")
        return len(self._known) - before

    def silent(self) -> bool:
        """Whether nothing at all has happened since the last call; what has happened is forgotten."""
        silent = True
        while True:
            try:
                silent = not os.read(self._descriptor, _READ_BYTES) and silent
            except BlockingIOError:
                return silent

    def touched(self) -> set[Touched] | None:
        """What was touched since the last call; None when the kernel had to drop events."""
        found: set[Touched] = set()
        whole = True
        while True:
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return found if whole else None
            offset = 0
            while offset < len(data):
                number, mask, _, size = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size + size
                name = os.fsdecode(data[offset - size : offset].rstrip(b"\0"))
                folder = self._folders.get(number, ".")
                if mask & _OVERFLOW:
                    whole = False
                elif mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF):
                    self._folders.pop(number, None)
                    self._known.discard(folder)
                    found.add(Touched(folder, True))
                elif name:
                    path = name if folder == "." else f"{folder}/{name}"
                    alters = mask & (_CREATE | _DELETE | _MOVED_FROM | _MOVED_TO)
                    if not mask & _IS_DIR or alters:
                        found.add(Touched(path, bool(mask & _IS_DIR)))
