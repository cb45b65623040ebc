"""What each kind of clue says about each file, as numbers from 0 to 1: the best file has 1."""

import heapq
import math
import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from kimi_tools.index.names import is_test
from kimi_tools.store.terms import MESSAGE, terms_of
from kimi_tools.symbols.locate.beside import is_beside
from kimi_tools.symbols.locate.clues import Clues, is_code_name, matching
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.passages import Passages
from kimi_tools.syntax import Definition

Scores = dict[str, float]

_MINOR = frozenset({"variable", "field", "property", "constant"})
_COMMON = 15
_ALONG = 20
_FOLDER = 5


def scaled(scores: Mapping[str, float]) -> Scores:
    """The scores divided by the best of a file that is no test."""
    best = max((value for path, value in scores.items() if not is_beside(path)), default=0.0)
    best = best or max(scores.values(), default=0.0)
    return {path: value / best for path, value in scores.items()} if best > 0 else {}


def defines(evidence: Evidence, clues: Clues) -> Scores:
    """The file defines identifiers that the text uses; the rarer a definition, the more it says."""
    scores: Scores = {}
    for name, zones in clues.names.items():
        found = evidence.definers.get(name, ())
        paths = {path for path, _ in found if not is_test(path)}
        if not paths or len(paths) > _COMMON:
            continue
        emphasis = 1.0 if is_code_name(name, zones) else 0.3
        emphasis *= 1.5 if "title" in zones else 0.5 if set(zones) <= {"trace"} else 1.0
        emphasis *= 1 + 0.5 * math.log(sum(zones.values()))
        for path in paths:
            kinds = {item.kind for other, item in found if other == path}
            weight = 0.4 if kinds <= _MINOR else 1.0
            scores[path] = scores.get(path, 0.0) + weight * emphasis / len(paths)
    return {path: value / (1 + value) for path, value in scores.items()}


def frames(evidence: Evidence, clues: Clues) -> Scores:
    """Frames of stack traces, the innermost first."""
    scores: Scores = {}
    rank = 0
    for place in sorted((place for place in clues.places if place.depth >= 0), key=lambda place: place.depth):
        found = matching(evidence.files, place.path)
        if not found or all(map(is_test, found)) or ("/" not in place.path and len(found) > 1):
            continue
        for path in found:
            scores[path] = max(scores.get(path, 0.0), 0.8**rank / len(found))
        rank += 1
    return scores


def named(evidence: Evidence, clues: Clues) -> Scores:
    """Paths in the text that are no frames."""
    scores: Scores = {}
    for place in clues.places:
        if place.depth < 0:
            found = matching(evidence.files, place.path)
            for path in found if len(found) <= 5 else ():
                scores[path] = max(scores.get(path, 0.0), 1 / len(found))
    return scores


def modules(evidence: Evidence, clues: Clues) -> Scores:
    """Dotted names outside of code: modules, and what packages export from modules below."""
    scores: Scores = {}
    by_module = _by_module(evidence.files)
    for name in clues.said:
        for path, value in _resolve(evidence, by_module, name.split(".")).items():
            scores[path] = max(scores.get(path, 0.0), value)
    return scores


def _by_module(files: Iterable[str]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for path in files:
        stem = path.rpartition(".")[0]
        parts = stem.removesuffix("/__init__").removeprefix("src/").removeprefix("lib/").split("/")
        found.setdefault(tuple(parts), path)
    return found


def _resolve(evidence: Evidence, by_module: dict[tuple[str, ...], str], parts: list[str]) -> Scores:
    for end in range(len(parts), 0, -1):
        path = by_module.get(tuple(parts[:end]))
        if path is None:
            continue
        rest = parts[end:]
        if not rest:
            return {path: 1.0 if end > 1 else 0.0}
        folder = path.rpartition("/")[0]
        own = [other for other, _ in evidence.definers.get(rest[0], ()) if other == path]
        if own:
            return {path: 1.0}
        below = {
            other
            for other, item in evidence.definers.get(rest[0], ())
            if path.endswith("__init__.py")
            and other.startswith(f"{folder}/")
            and "." not in item.qualified
            and not is_test(other)
        }
        if below and len(below) <= 4:
            return {other: 1.0 / len(below) for other in below}
        return {path: 0.4 if end > 1 else 0.0}
    return {}


def qualified(evidence: Evidence, clues: Clues) -> Scores:
    """`Class.method` where that class defines that method, and `module.name` where that module defines it."""
    scores: Scores = {}
    for module in clues.modules:
        for outer, name in pairwise(module.split(".")):
            paths = {
                path
                for path, item in evidence.definers.get(name, ())
                if _owner(path, item) == outer and not is_test(path)
            }
            for path in paths:
                scores[path] = max(scores.get(path, 0.0), 1 / len(paths))
    return scores


def _owner(path: str, item: Definition) -> str:
    """The name of what a definition stands in: its class or, at the top of a file, its module."""
    if "." in item.qualified:
        return item.qualified.split(".")[-2]
    return path.rpartition(".")[0].removesuffix("/__init__").rpartition("/")[2]


@lru_cache(maxsize=100_000)
def _path_terms(path: str) -> tuple[tuple[str, float], ...]:
    folder, _, name = path.rpartition("/")
    own = {term for word in re.findall(r"\w+", name.rpartition(".")[0]) for term in terms_of(word)}
    above = {term for word in re.findall(r"\w+", folder) for term in terms_of(word)} - own
    return (*((term, 1.0) for term in sorted(own)), *((term, 0.5) for term in sorted(above)))


def path_words(evidence: Evidence, clues: Clues) -> Scores:
    """Words of the text that stand in the path; those of the file's own name count twice."""
    holding: dict[str, list[tuple[str, float]]] = {}
    for path in evidence.files:
        for term, weight in _path_terms(path):
            if term in clues.terms:
                holding.setdefault(term, []).append((path, weight))
    scores: Scores = {}
    total = len(evidence.files) or 1
    for term, zones in clues.terms.items():
        found = holding.get(term, ())
        if not found:
            continue
        rarity = math.log(1 + total / len(found)) * (
            1.5 if "title" in zones else 1.0 if set(zones) - {"trace"} else 0.3
        )
        for path, weight in found:
            scores[path] = scores.get(path, 0.0) + weight * rarity * (1 + 0.3 * math.log(sum(zones.values())))
    return scores


def messages(evidence: Evidence, clues: Clues) -> Scores:
    """Error messages and quoted texts that stand in string literals, by their rare words on one line."""
    total = len(evidence.sizes) or 1
    scores: Scores = {}
    for phrase in clues.phrases[:20]:
        wanted = {term for word in re.findall(r"[^\W\d]\w+", phrase) for term in terms_of(word)}
        weights = {
            term: math.log(1 + total / (1 + len(evidence.places[term])))
            for term in wanted
            if term in evidence.places
        }
        whole = sum(weights.values())
        if len(weights) < 3:
            continue
        lines: dict[tuple[str, int], set[str]] = {}
        for term in weights:
            for path, packed in evidence.places[term].items():
                for place in array("I", packed):
                    if place & 7 == MESSAGE:
                        lines.setdefault((path, place >> 3), set()).add(term)
        best: Scores = {}
        for (path, line), terms in lines.items():
            both = terms | lines.get((path, line + 1), set())
            if len(both) >= 3:
                best[path] = max(best.get(path, 0.0), sum(map(weights.__getitem__, both)) / whole)
        good = {path: value for path, value in best.items() if value > 0.4}
        for path, value in good.items():
            scores[path] = max(scores.get(path, 0.0), value / math.sqrt(len(good)))
    return scores


def log(evidence: Evidence, clues: Clues) -> Scores:
    """The messages of the commits that touched the file fit the text."""
    return evidence.history.fit({term: clues.weight(term) for term in clues.terms})


def folder_log(evidence: Evidence, log: Scores) -> Scores:
    """A file of the same folder was touched by commits whose messages fit the text."""
    best: Scores = {}
    for path, score in log.items():
        if not is_beside(path):
            folder = path.rpartition("/")[0]
            best[folder] = max(best.get(folder, 0.0), score)
    return {path: best.get(path.rpartition("/")[0], 0.0) for path in evidence.files}


def along(evidence: Evidence, clues: Clues) -> Scores:
    """Changed together with tests and documents that fit the text: these speak as a user does."""
    history = evidence.history
    scores: Scores = {}
    for beside, fit in beside_of(evidence):
        own = history.touching.get(beside, ())
        for number in own:
            for path in history.commits[number].paths:
                if not is_beside(path):
                    often = (len(own) + 2) * math.sqrt(1 + len(history.touching[path]))
                    scores[path] = scores.get(path, 0.0) + fit**2 / often
    return scores


def beside_of(evidence: Evidence) -> list[tuple[str, float]]:
    """The tests and documents whose words fit best, the best first with 1."""
    found = sorted(
        ((fit, path) for path, fit in evidence.fits["words"].items() if is_beside(path)), reverse=True
    )
    return [(path, fit / found[0][0]) for fit, path in found[:_ALONG] if found[0][0]]


def folder_words(evidence: Evidence, clues: Clues) -> Scores:
    """The words of the other files of the folder, its best ones."""
    best: dict[str, list[tuple[float, str]]] = {}
    for path, fit in evidence.fits["words"].items():
        if not is_beside(path):
            best.setdefault(path.rpartition("/")[0], []).append((fit, path))
    for found in best.values():
        found.sort(reverse=True)
    return {
        path: sum(
            [fit for fit, other in best.get(path.rpartition("/")[0], ())[: _FOLDER + 1] if other != path][
                :_FOLDER
            ]
        )
        for path in evidence.files
        if not is_beside(path)
    }


def above_words(evidence: Evidence, clues: Clues) -> Scores:
    """The words of the best files in and below the folder that holds the file's own."""
    best: dict[str, list[float]] = {}
    for path, fit in evidence.fits["words"].items():
        if not is_beside(path):
            folder = path.rpartition("/")[0]
            while folder:
                best.setdefault(folder, []).append(fit)
                folder = folder.rpartition("/")[0]
    tops = {folder: sum(heapq.nlargest(_FOLDER, fits)) for folder, fits in best.items()}
    return {
        path: tops.get(path.rpartition("/")[0].rpartition("/")[0], 0.0)
        for path in evidence.files
        if not is_beside(path)
    }


def pairs(evidence: Evidence, clues: Clues) -> Scores:
    """Neighbouring words of the title that stand on one line of the file."""
    total = len(evidence.sizes) or 1
    scores: Scores = {}
    for (one, other), count in clues.pairs.items():
        if one not in evidence.places or other not in evidence.places:
            continue
        first, second = evidence.places[one], evidence.places[other]
        lines = {
            path: len(_lines(first[path]) & _lines(second[path])) for path in first.keys() & second.keys()
        }
        found = {path: both for path, both in lines.items() if both}
        for path, both in found.items():
            rare = math.log(1 + total / len(found)) * (1 + math.log(count))
            scores[path] = scores.get(path, 0.0) + rare * both / (both + 1)
    return scores


def _lines(packed: bytes) -> set[int]:
    return {place >> 3 for place in array("I", packed)}


def size(evidence: Evidence, clues: Clues) -> Scores:
    """How long the file is: long files have more faults than their words tell."""
    return {path: math.log(1 + sum(sizes)) for path, sizes in evidence.sizes.items()}


SIGNALS: dict[str, Callable[[Evidence, Clues], Scores]] = {
    function.__name__: function
    for function in (
        defines,
        frames,
        named,
        modules,
        qualified,
        path_words,
        messages,
        log,
        along,
        folder_words,
        above_words,
        pairs,
        size,
    )
}
_OPEN = frozenset(
    {"path_words", "log", "folder_log", "along", "folder_words", "above_words", "pairs", "size"}
)
"""Signals without a greatest value: what is no test has 1 at most."""


def signals_of(evidence: Evidence, clues: Clues, passages: Passages) -> dict[str, Scores]:
    """All signals by name."""
    found = {name: signal(evidence, clues) for name, signal in SIGNALS.items()}
    found["folder_log"] = folder_log(evidence, found["log"])
    open_ = {**evidence.fits, **passages.best()}
    found |= open_
    for name in (*_OPEN, *open_):
        found[name] = scaled(found[name])
    found["test"] = {path: 1.0 for path in evidence.files if is_beside(path)}
    return found
