"""What a patch says, whatever form it was written in."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["add", "update", "delete"]
Op = Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk: kept, removed or added; its text without `\\n`; whether a `\\n` ends it."""

    op: Op
    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines to find and what becomes of them.

    `label`: how messages name it. `start`: the first old line's number as the patch says it, None where it
    does not. `anchors`: lines that stand somewhere above, outermost first. `at_end`: it ends the file.
    """

    label: str
    lines: tuple[Line, ...]
    start: int | None = None
    anchors: tuple[str, ...] = ()
    at_end: bool = False

    @property
    def old(self) -> list[Line]:
        """The lines to find."""
        return [line for line in self.lines if line.op != "+"]

    @property
    def new(self) -> list[Line]:
        """The lines that are there afterwards."""
        return [line for line in self.lines if line.op != "-"]


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a patch does to one file. `target`: its new name; `executable`: None leaves the mode alone."""

    kind: Kind
    path: str
    target: str
    hunks: tuple[Hunk, ...]
    executable: bool | None = None
    copy: bool = False
