"""What the index, the words and the history say about an issue's clues: all that ranking needs, looked up once."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_tools.index import Index
from kimi_tools.index.terms import terms_of
from kimi_tools.index.words import Words
from kimi_tools.symbols.locate.clues import MOST_NAMES, MOST_TERMS, Clues
from kimi_tools.syntax import Definition

CANDIDATES = 60
"""Files that are looked at closely: those whose words fit best, and all that are named or define a name."""

_MOST_DEFINERS = 4


@dataclass(slots=True)
class Commit:
    """One commit of the past: days before the newest, the first line of its message, the files it touched."""

    days: float
    subject: str
    paths: tuple[str, ...]


@dataclass(slots=True)
class Evidence:
    """`places`: for each term, the packed occurrences by file. `sizes`: words in each field of each file.

    `definers`: for each name of the text, its definitions by file. `outlines` are of the candidates only;
    `fit` is `word_fit`.
    """

    files: list[str]
    sizes: dict[str, tuple[int, ...]]
    places: dict[str, dict[str, bytes]]
    definers: dict[str, list[tuple[str, Definition]]]
    candidates: list[str] = field(default_factory=lambda: list[str]())
    outlines: dict[str, list[Definition]] = field(default_factory=lambda: dict[str, list[Definition]]())
    fit: dict[str, float] = field(default_factory=lambda: dict[str, float]())
    commits: Sequence[Commit] = ()


def gather(index: Index, words: Words, clues: Clues, commits: Sequence[Commit]) -> Evidence:
    """Look everything up."""
    files = index.files()
    counts = {term: sum(zones.values()) for term, zones in clues.terms.items()}
    wanted = sorted(counts, key=lambda term: (-("title" in clues.terms[term]), -counts[term], term))[
        :MOST_TERMS
    ]
    evidence = Evidence(
        files,
        words.sizes(),
        {term: words.places(term) for term in wanted},
        {name: found for name in names_of(clues) if (found := _definers(index, name))},
        commits=commits,
    )
    scores = evidence.fit = word_fit(evidence, clues)
    best = sorted(scores, key=lambda path: (-scores[path], path))[:CANDIDATES]
    defining = [
        path for found in evidence.definers.values() if len(found) <= _MOST_DEFINERS for path, _ in found
    ]
    evidence.candidates = list(dict.fromkeys([*best, *defining]))
    for path in evidence.candidates:
        evidence.outlines[path] = index.outline(path) or []
    return evidence


def names_of(clues: Clues) -> list[str]:
    """The identifiers worth looking up, the most telling first."""
    total = {name: sum(zones.values()) for name, zones in clues.names.items()}
    ordered = sorted(total, key=lambda name: (-("title" in clues.names[name]), -total[name], name))
    extra = [part for module in clues.modules for part in module.split(".")]
    extra += [name for _, name in clues.imports]
    extra += [place.function for place in clues.places if place.function]
    return list(dict.fromkeys([*extra, *(name for name in ordered if terms_of(name))]))[: MOST_NAMES * 2]


def _definers(index: Index, name: str) -> list[tuple[str, Definition]]:
    return [(symbol.path, symbol.definition) for symbol in index.symbols(name)]


def word_fit(
    evidence: Evidence,
    clues: Clues,
    weights: Sequence[float] = (1.0, 4.0, 1.5, 1.5),
    b: float = 0.75,
    k: float = 4.0,
) -> dict[str, float]:
    """BM25F over the fields of whole files."""
    total = len(evidence.sizes) or 1
    lengths = {
        path: sum(weight * size for weight, size in zip(weights, sizes, strict=True))
        for path, sizes in evidence.sizes.items()
    }
    mean = sum(lengths.values()) / total or 1.0
    scores: dict[str, float] = {}
    for term, places in evidence.places.items():
        rarity = math.log(1 + (total - len(places) + 0.5) / (len(places) + 0.5))
        asked = clues.weight(term)
        for path, packed in places.items():
            if path not in lengths:
                continue
            often = sum(weights[place & 7] for place in array("I", packed))
            fit = often * (k + 1) / (often + k * (1 - b + b * lengths[path] / mean))
            scores[path] = scores.get(path, 0.0) + asked * rarity * fit
    return scores
