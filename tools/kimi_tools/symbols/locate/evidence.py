"""What the index, the words and the history say about an issue's clues: all that ranking needs, looked up once."""

from dataclasses import dataclass, field

from kimi_tools.index import Index
from kimi_tools.index.words import Words
from kimi_tools.store.terms import terms_of
from kimi_tools.symbols.locate.beside import is_beside
from kimi_tools.symbols.locate.clues import MOST_NAMES, MOST_TERMS, Clues, matching
from kimi_tools.symbols.locate.fits import fits_of
from kimi_tools.symbols.locate.history import History
from kimi_tools.syntax import Definition

CANDIDATES = 60
"""Files that are looked at closely: those whose words fit best, and all that are named or define a name."""

_TESTS = 10
_MOST_DEFINERS = 4


@dataclass(slots=True)
class Evidence:
    """`places`: for each term, the packed occurrences by file. `sizes`: words in each field of each file.

    `definers`: for each name of the text, its definitions by file. `outlines` are of the candidates only;
    `fits` is `fits_of`.
    """

    files: list[str]
    sizes: dict[str, tuple[int, ...]]
    places: dict[str, dict[str, bytes]]
    definers: dict[str, list[tuple[str, Definition]]]
    candidates: list[str] = field(default_factory=lambda: list[str]())
    outlines: dict[str, list[Definition]] = field(default_factory=lambda: dict[str, list[Definition]]())
    fits: dict[str, dict[str, float]] = field(default_factory=lambda: dict[str, dict[str, float]]())
    history: History = field(default_factory=History)


def gather(index: Index, words: Words, clues: Clues, history: History) -> Evidence:
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
        history=history,
    )
    evidence.fits = fits_of(evidence.places, evidence.sizes, clues)
    scores = evidence.fits["words"]
    ordered = sorted(scores, key=lambda path: (-scores[path], path))
    best = [path for path in ordered if not is_beside(path)][:CANDIDATES]
    best += [path for path in ordered if is_beside(path)][:_TESTS]
    defining = [
        path for found in evidence.definers.values() if len(found) <= _MOST_DEFINERS for path, _ in found
    ]
    meant = [matching(files, place.path) for place in clues.places]
    pointed = [path for found in meant if len(found) <= _MOST_DEFINERS for path in found]
    evidence.candidates = list(dict.fromkeys([*best, *defining, *pointed]))
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
