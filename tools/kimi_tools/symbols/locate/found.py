"""What a text points at, in order: to be told, or to be put into another order by whoever reads more than words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kimi_tools.clip import clip_line
from kimi_tools.symbols.locate.clues import Clues
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.passages import Passages
from kimi_tools.symbols.locate.rank import Part, Ranked, best_of, rank_files, rank_parts
from kimi_tools.symbols.locate.signals import signals_of
from kimi_tools.syntax import Definition
from kimi_tools.visible import reveal, reveal_line

OF_ONE_FILE = 3
"""Definitions that are told of one file."""

_LINE_CHARS = 160


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be the place, and the lines that tell it: its path, and the heads of its best definitions."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """`files`: the likeliest first. `waiting`: how many files of the workspace are not yet read."""

    clues: Clues
    evidence: Evidence
    passages: Passages
    files: list[Ranked]
    waiting: int

    @staticmethod
    def of(evidence: Evidence, clues: Clues, waiting: int) -> "Found":
        """Put in order what the index says."""
        passages = Passages(evidence, clues)
        files = rank_files(signals_of(evidence, clues, passages), clues.about_tests)
        return Found(clues, evidence, passages, files, waiting)

    def parts(self) -> list[Part]:
        """The parts of the best files, the likeliest first."""
        return rank_parts(self.files, self.passages)

    def candidates(self, most: int) -> list[Candidate]:
        """The likeliest files; without those whose name says something else to the eye than to the disk."""
        plain = [item for item in self.files if reveal_line(item.path) == item.path][:most]
        parts = rank_parts(plain, self.passages, most)
        return [
            Candidate(item.path, "\n".join([item.path, *map(_head, best_of(parts, item.path, OF_ONE_FILE))]))
            for item in plain
        ]

    def with_first(self, paths: Sequence[str]) -> "Found":
        """The same with these of its files first, in this order; they take over the scores of those places."""
        known = {item.path: item for item in self.files}
        order = dict.fromkeys([*paths, *known])
        scores = (item.score for item in self.files)
        files = [replace(known[path], score=score) for path, score in zip(order, scores, strict=True)]
        return replace(self, files=files)


def _head(item: Definition) -> str:
    doc = f"  # {item.doc}" if item.doc else ""
    return f"    {reveal(clip_line(f'{item.qualified}: {item.signature}{doc}', _LINE_CHARS))}"
