"""Which files of a workspace hold code, and what tells that the answer has changed.

A directory's times change when an entry comes or goes, so as long as no directory and no ignore file has
changed, the list of files is the same and need not be made again.
"""

import os
import stat
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from kimi_tools.errors import ToolError
from kimi_tools.index.names import is_test
from kimi_tools.protected import names_secret
from kimi_tools.ripgrep import Scope, ripgrep
from kimi_tools.syntax import language_of
from kimi_tools.workspace import Workspace

IGNORE_FILES = (".gitignore", ".ignore", ".rgignore")

_CACHES = frozenset(
    {
        ".git",
        "__pycache__",
        "node_modules",
        ".venv",
        "venv",
        ".tox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    }
)
_HIDDEN_FOLDERS = 2000
_SETTLE_NS = 20_000_000
"""A change this young may be followed by another that leaves the same times (the kernel's clock ticks every
4 to 10 ms), so such a state is never trusted."""

_LIST_SECONDS = 60.0
_LIST_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class Listing:
    """`files`: those that may hold code, relative to the root. `watched`: folders and
    files of ignore rules, with their states."""

    files: set[str] = field(default_factory=lambda: set[str]())
    watched: dict[str, bytes] = field(default_factory=lambda: dict[str, bytes]())


def state_of(workspace: Workspace, path: str, since: int = 0) -> bytes:
    """What tells one state of a file from another: its times, size and inode; empty when it is not there.

    The change time is among them, which programs cannot set, so restoring the modification time hides nothing.
    A state that began after `since` (nanoseconds; 0: now), or shortly before, is marked as not `settled`.
    """
    try:
        status = os.stat(path, dir_fd=workspace.descriptor, follow_symlinks=False)
    except (OSError, ValueError):
        return b""
    young = max(status.st_mtime_ns, status.st_ctime_ns) > (since or time.time_ns()) - _SETTLE_NS
    return struct.pack(
        "qqQQ?", status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino & (2**64 - 1), young
    )


def settled(state: bytes) -> bool:
    """Whether a state may be trusted when it is met again."""
    return len(state) == struct.calcsize("qqQQ?") and not state[-1]


def same(first: bytes, second: bytes) -> bool:
    """Whether two states are of the same moment of a file, settled or not."""
    return first[:-1] == second[:-1]


def size_of(state: bytes) -> int:
    """The size in a state."""
    return struct.unpack("qqQQ?", state)[2] if state else 0


async def list_files(workspace: Workspace) -> Listing:
    """List the workspace's files that may hold code, by the ignore rules of git and ripgrep.

    Raises `Unavailable` without ripgrep, `TimedOut` when it does not end.
    """
    started = time.time_ns()
    scope = Scope()
    done = await ripgrep(
        workspace,
        ["--files", "--null", *scope.arguments(), "--", scope.target],
        timeout=_LIST_SECONDS,
        output_bytes=_LIST_BYTES,
    )
    found = Listing()
    folders: set[str] = {"."}
    for raw in done.stdout.split(b"\0"):
        path = os.fsdecode(raw.removeprefix(b"./"))
        if not path:
            continue
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
        if may_hold_code(workspace, path):
            found.files.add(path)
    watched = folders | _quiet_folders(workspace, folders) | _ignore_files(workspace, folders)
    found.watched = {path: state_of(workspace, path, started) for path in watched}
    return found


async def holding(workspace: Workspace, word: str) -> list[str]:
    """The files that hold some letters, tests last; none when the search cannot be done in time."""
    scope = Scope()
    options = ("--files-with-matches", "--null", "--fixed-strings")
    try:
        done = await ripgrep(
            workspace,
            [*options, *scope.arguments(), f"--regexp={word}", "--", scope.target],
            timeout=_LIST_SECONDS,
            output_bytes=_LIST_BYTES,
        )
    except ToolError:
        return []
    found = [os.fsdecode(raw.removeprefix(b"./")) for raw in done.stdout.split(b"\0") if raw]
    return sorted(found, key=lambda path: (is_test(path), path))


def may_hold_code(workspace: Workspace, path: str) -> bool:
    """Whether the index reads a file: a language that has definitions worth finding, or a script;
    never a file of secrets."""
    name = path.rpartition("/")[2]
    if names_secret(path):
        return False
    if (language := language_of(path)) is not None:
        return language.indexed
    if "." in name.lstrip("."):
        return False
    try:
        mode = os.stat(path, dir_fd=workspace.descriptor, follow_symlinks=False).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)


def is_cache(path: str) -> bool:
    """Whether a path lies in a folder of a kind that never holds a repository's own code."""
    return not _CACHES.isdisjoint(path.split("/"))


def _quiet_folders(workspace: Workspace, folders: Iterable[str]) -> set[str]:
    """Folders that hold no listed file yet: empty ones, where the next new file may come, and ignored ones."""
    known = set(folders)
    found: set[str] = set()
    waiting = list(known)
    while waiting and len(found) < _HIDDEN_FOLDERS:
        folder = waiting.pop()
        for entry in _folders_in(workspace, folder):
            path = entry if folder == "." else f"{folder}/{entry}"
            if entry not in _CACHES and path not in known:
                known.add(path)
                found.add(path)
                waiting.append(path)
    return found


def _folders_in(workspace: Workspace, folder: str) -> list[str]:
    try:
        descriptor = os.open(
            folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=workspace.descriptor
        )
    except OSError:
        return []
    try:
        with os.scandir(descriptor) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _ignore_files(workspace: Workspace, folders: Iterable[str]) -> set[str]:
    found = {".git/info/exclude"}
    for folder in folders:
        for name in IGNORE_FILES:
            path = name if folder == "." else f"{folder}/{name}"
            try:
                os.stat(path, dir_fd=workspace.descriptor, follow_symlinks=False)
            except OSError:
                continue
            found.add(path)
    return found


def read(workspace: Workspace, path: str, limit: int) -> bytes | None:
    """A file's bytes, or None when it is gone, too large or not to be read."""
    try:
        return workspace.read_bytes(path, limit=limit)
    except ToolError:
        return None
