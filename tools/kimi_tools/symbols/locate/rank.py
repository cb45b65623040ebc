"""From signals to an order: of files, of the parts of a file, and of parts across files."""

import math
from dataclasses import dataclass

from kimi_tools.symbols.locate.passages import Passages
from kimi_tools.symbols.locate.signals import Scores
from kimi_tools.syntax import Definition

WEIGHTS = {
    "words": 1.05,
    "title": 1.15,
    "prose": 1.05,
    "names": 0.6,
    "covers": 0.7,
    "part": 0.85,
    "part_title": 0.7,
    "part_name": 0.75,
    "pairs": 0.55,
    "defines": 1.05,
    "frames": 0.3,
    "named": 1.2,
    "qualified": 0.7,
    "modules": 0.4,
    "path_words": 0.85,
    "messages": 0.45,
    "log": 0.4,
    "folder_log": 1.1,
    "along": 1.1,
    "folder_words": 0.65,
    "above_words": 0.7,
    "size": -0.5,
    "test": -4.0,
}
"""What each signal counts for a file: a conditional logit of the changed files among the candidates, fitted on
one half of the issues by `tests/bench/locate.py --tune`; `test` is set by hand."""

PART_WEIGHTS = {
    "file": 0.8,
    "words": 1.5,
    "own": 2.1,
    "title_words": 1.0,
    "name_words": 0.04,
    "title": 0.7,
    "line": 1.8,
    "class_said": 1.0,
    "class": -1.0,
}
"""What each clue counts for a part, and `file` for the score of its file; fitted likewise on the functions that
were changed; `class` is set by hand."""

_BEHIND = 1.5
"""How far a part of a file may be behind its best to be shown."""

_DEEP = 12
"""Files whose parts are ranked."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A file with its score, and what each signal adds to it."""

    path: str
    score: float
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A definition with its score across all files."""

    path: str
    score: float
    definition: Definition


def rank_files(signals: dict[str, Scores], about_tests: bool) -> list[Ranked]:
    """All files that anything points at, the likeliest first.

    Tests and the like are held back unless the text is about them.
    """
    pointed: set[str] = set()
    for name in ("words", "part", "defines", "frames", "named", "modules", "path_words"):
        pointed |= signals[name].keys()
    weights = {**WEIGHTS, "test": WEIGHTS["test"] * (0.5 if about_tests else 1.0)}
    ranked: list[Ranked] = []
    for path in pointed:
        shares = {name: weight * signals[name].get(path, 0.0) for name, weight in weights.items()}
        ranked.append(Ranked(path, sum(shares.values()), shares))
    return sorted(ranked, key=lambda item: (-item.score, item.path))


def rank_parts(files: list[Ranked], passages: Passages, deep: int = _DEEP) -> list[Part]:
    """The parts of the best files in order."""
    best = [item for item in files if item.path in passages.parts][:deep]
    top = max((max(passages.scores[item.path]) for item in best), default=0.0) or 1.0
    title_top = max((max(passages.titles[item.path]) for item in best), default=0.0) or 1.0
    parts: list[Part] = []
    for item in best:
        own = max(passages.scores[item.path]) or 1.0
        for definition, words, title, clues in zip(
            passages.parts[item.path],
            passages.scores[item.path],
            passages.titles[item.path],
            passages.pointed(item.path),
            strict=False,
        ):
            clues |= {
                "file": item.score,
                "words": words / top,
                "own": words / own,
                "title_words": title / title_top,
            }
            score = sum(weight * clues[name] for name, weight in PART_WEIGHTS.items())
            parts.append(Part(item.path, score, definition))
    return sorted(parts, key=lambda part: (-part.score, part.path, part.definition.first_line))


def best_of(parts: list[Part], path: str, most: int) -> list[Definition]:
    """The likeliest parts of one file; those far behind its best are left out."""
    own = [part for part in parts if part.path == path]
    return [
        part.definition
        for part in own[:most]
        if part.score > own[0].score - _BEHIND or math.isclose(part.score, own[0].score)
    ]
