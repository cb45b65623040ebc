"""The folder that a job works in, and the removal of those that killed drivers left lying."""

import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import IO

PREFIX = "kimi-mcp-job-"
SETTLED_SECONDS = 60.0
"""A folder's lock is taken long before it is so old; a younger one may not be locked yet."""


class Scratch:
    """A temporary folder, locked for as long as its process lives. Raises `OSError` where none can be made.

    The first one of a process removes those of processes that are gone: SIGKILL leaves whole checkouts behind.
    """

    def __init__(self) -> None:
        _sweep()
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._lock: IO[bytes] | None = None
        try:
            self._lock = _lock(self.path).open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        if self._lock is not None:
            self._lock.close()
        self._folder.cleanup()


def _lock(folder: Path) -> Path:
    return folder / "lock"


@cache
def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether a folder is ours and its process is gone."""
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        with _lock(folder).open("rb") as lock:
            if time.time() - os.fstat(lock.fileno()).st_mtime < SETTLED_SECONDS:
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is in use, just gone, or without a lock
        return False
    return True
