"""Every change that a tool makes to files: all or nothing, recorded, and taken back with `undo`.

`apply` is the only way in which the workshop writes into a workspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_tools.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Change:
    """One file's change. `before`: its bytes as the caller read them, None when it must not exist.

    `after`: its new bytes, None to delete it. `mode`: permission bits for the result; None keeps the file's
    own, or 0o644 for a new one. A symlink is followed: its target inside the root is changed.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One journalled step of one tool, newest last; what `undo` takes back."""

    id: str
    tool: str
    time: float
    paths: tuple[str, ...]
    undone: bool = False


def apply(workspace: Workspace, tool: str, changes: Sequence[Change]) -> Record:
    """Make all changes or none, and record them. Raises `Conflict` when a file is not as `before` says."""
    raise NotImplementedError


def records(workspace: Workspace, limit: int = 20) -> list[Record]:
    """The newest records, newest first."""
    raise NotImplementedError


def undo(workspace: Workspace, count: int = 1) -> list[Record]:
    """Take back the newest `count` steps that are not undone. Raises `Conflict`, `NotFound`."""
    raise NotImplementedError
