"""What a caller asks the journal for, and what may not be asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_tools.errors import BadArguments, PathRefused
from kimi_tools.policy import Request
from kimi_tools.protected import holds_secret, protected_part
from kimi_tools.workspace import Workspace
from kimi_tools.workspace.content import digest
from kimi_tools.workspace.diff import unified
from kimi_tools.workspace.root import MAX_FILE_BYTES

MAX_FILES = 5_000
"""Files in one step."""

MAX_STEP_BYTES = 256 * 1024 * 1024
"""Bytes that one step may replace: they are held in memory and kept in the journal."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file's change. `before`: its bytes as the caller read them, None when it must not exist.

    `after`: its new bytes, None to delete it. `mode`: permission bits for the result; None keeps the file's
    own, or for a new one what the umask gives. A symlink is followed: its target inside the root is changed.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A change that may be made. `path`: relative; `real`: the same with every symlink followed."""

    path: str
    real: str
    change: Change


def judge(workspace: Workspace, changes: Sequence[Change]) -> list[Judged]:
    """Where the changes really land.

    Raises `PathRefused` for what no file tool may write, `BadArguments` for too much at once.
    """
    judged = [_judge(workspace, change) for change in changes]
    if not judged:
        raise BadArguments("There is nothing to change.")
    if len({one.real for one in judged}) < len(judged):
        raise BadArguments("One file is named twice in the same step; put its changes into one.")
    if len(judged) > MAX_FILES:
        raise BadArguments(f"{len(judged):,} files in one step; at most {MAX_FILES:,}.")
    if sum(len(change.before or b"") for change in changes) > MAX_STEP_BYTES:
        raise BadArguments(f"More than {MAX_STEP_BYTES:,} bytes in one step; change fewer files at a time.")
    return judged


def _judge(workspace: Workspace, change: Change) -> Judged:
    path = workspace.relative(change.path)
    if path == ".":
        raise PathRefused("The root is a directory; name a file in it.")
    real = path if protected_part(path) == ".git" else workspace.real_path(path)
    if protected_part(real) == ".git":
        raise PathRefused(f"'{path}' belongs to git and is not written by file tools; use the git tools.")
    if change.after is None and _is_symlink(workspace, path):
        raise PathRefused(f"'{path}' is a symlink; file tools do not remove those, use run_command.")
    if change.after is not None and len(change.after) > MAX_FILE_BYTES:
        raise PathRefused(f"'{path}' would have {len(change.after):,} bytes; at most {MAX_FILE_BYTES:,}.")
    return Judged(path, real, change)


def _is_symlink(workspace: Workspace, path: str) -> bool:
    return workspace.exists(path) and workspace.stat(path, follow=False).kind == "symlink"


def require_leave(workspace: Workspace, judged: Sequence[Judged]) -> None:
    """Ask for what is protected; the leave covers exactly these bytes. Raises `NeedsLeave`."""
    for one in judged:
        before, after = one.change.before, one.change.after
        protected = protected_part(one.path) or protected_part(one.real)
        secret = any(
            holds_secret(name, data)
            for name in (one.path, one.real)
            for data in (before, after)
            if data is not None
        )
        if protected or secret:
            why = f"programs outside the sandbox obey {protected}" if protected else "it holds secrets"
            content = f"{unified(one.path, before, after)}\n[sha256 {digest(after or b'')}]"
            workspace.policy.require(Request("protected", one.path, f"Change '{one.path}' ({why}).", content))
