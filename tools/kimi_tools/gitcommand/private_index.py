"""A copy of git's index in our own state, which git may refresh.

git compares a file anew with every look until it has written down, in its index, that the file is unchanged. We
never write to the repository's index; in the copy git keeps what it saw, so that the next look is as quick as the
user's own. The copy is made again whenever the original is another file than it was.
"""

import contextlib
import os
import time
from pathlib import Path

from kimi_tools.gitcommand.place import Place

SETTINGS = {"core.splitIndex": "false"}
"""A split index would write its shared part beside the original."""

_NAME = "git-index"
_STALE_SECONDS = 60.0
_copied: dict[str, tuple[int, ...]] = {}


def environment(place: Place, state: Path) -> dict[str, str]:
    """What makes git use the copy, which is brought up to date; nothing where there can be none."""
    original, copy = place.git_dir / "index", state / _NAME
    try:
        _bring_up_to_date(original, copy)
    except OSError:
        return {}
    return {"GIT_INDEX_FILE": str(copy), "GIT_OPTIONAL_LOCKS": "1"}


def _bring_up_to_date(original: Path, copy: Path) -> None:
    now = _identity(original)
    if _copied.get(str(copy)) != now or not copy.exists():
        state = copy.parent
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = state / f"{_NAME}.{os.getpid()}"
        with open(original, "rb") as file:
            status = os.fstat(file.fileno())
            made.write_bytes(file.read())
        # git takes a file that is as new as its index for one that may have changed unseen: keep the index's age
        os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
        made.chmod(0o600)
        os.replace(made, copy)
        _copied[str(copy)] = _of(status)
    _take_away_stale(copy.with_name(f"{_NAME}.lock"))


def _take_away_stale(lock: Path) -> None:
    """A git that was killed leaves its lock; git would then never refresh again."""
    with contextlib.suppress(OSError):
        if time.time() - lock.stat().st_mtime > _STALE_SECONDS:
            lock.unlink()


def _identity(path: Path) -> tuple[int, ...]:
    return _of(os.stat(path))


def _of(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
