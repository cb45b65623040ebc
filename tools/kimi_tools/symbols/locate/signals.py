"""What each kind of clue says about each file, as numbers from 0 to 1: the best file has 1."""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from kimi_tools.index.names import is_test
from kimi_tools.index.terms import MESSAGE, terms_of
from kimi_tools.symbols.locate.clues import Clues, is_code_name
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.passages import Passages

Scores = dict[str, float]

_HALF_LIFE_DAYS = 300.0
_MINOR = frozenset({"variable", "field", "property", "constant"})
_COMMON = 15
_ENOUGH_WORDS = 10.0
"""Weight of the terms of a text from which on its words are trusted; with fewer, other clues count more."""


_BESIDE = re.compile(
    r"(^|/)(docs?|examples?|benchmarks?|asv_bench|scripts?|tools|\.github|ci|galleries|tutorials)/|(^|/)(setup|conf|noxfile|tasks)\.py$"
)


def is_beside(path: str) -> bool:
    """Whether a file is a test, a document or a tool of the project rather than its code."""
    return is_test(path) or _BESIDE.search(path) is not None


def scaled(scores: Mapping[str, float]) -> Scores:
    """The scores divided by the best."""
    best = max(scores.values(), default=0.0)
    return {path: value / best for path, value in scores.items()} if best > 0 else {}


def words(evidence: Evidence, clues: Clues) -> Scores:
    """BM25F over whole files."""
    return scaled(evidence.fit)


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


def matching(files: Iterable[str], named: str) -> list[str]:
    """The files that a path in the text may mean: it may be longer (another machine's) or shorter."""
    short = re.sub(r"^[A-Za-z]:", "", named).lstrip("~./")
    return [
        path
        for path in files
        if path == short or path.endswith(f"/{short}") or f"/{short}".endswith(f"/{path}")
    ]


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
    """Dotted names and the imports of example code: modules, and what packages export from modules below."""
    scores: Scores = {}
    by_module = _by_module(evidence.files)
    dotted = [(module, 0.8) for module in clues.modules]
    dotted += [(f"{module}.{name}" if module else name, 0.6) for module, name in clues.imports]
    for name, weight in dotted:
        for path, value in _resolve(evidence, by_module, name.split(".")).items():
            value *= weight
            scores[path] = max(scores.get(path, 0.0), value) + 0.1 * min(scores.get(path, 0.0), value)
    return {path: min(value, 1.0) for path, value in scores.items()}


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
    """`Class.method` where that class defines that method."""
    scores: Scores = {}
    for module in clues.modules:
        parts = module.split(".")
        for outer, name in pairwise(parts):
            paths = {
                path
                for path, item in evidence.definers.get(name, ())
                if item.qualified.split(".")[-2:] == [outer, name] and not is_test(path)
            }
            for path in paths:
                scores[path] = max(scores.get(path, 0.0), 1 / len(paths))
    return scores


@lru_cache(maxsize=100_000)
def _path_terms(path: str) -> tuple[tuple[str, float], ...]:
    folder, _, name = path.rpartition("/")
    own = {term for word in re.findall(r"\w+", name.rpartition(".")[0]) for term in terms_of(word)}
    above = {term for word in re.findall(r"\w+", folder) for term in terms_of(word)} - own
    return (*((term, 1.0) for term in sorted(own)), *((term, 0.5) for term in sorted(above)))


@lru_cache(maxsize=20_000)
def _subject_terms(subject: str) -> frozenset[str]:
    return frozenset(term for word in re.findall(r"[^\W\d]\w+", subject) for term in terms_of(word))


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
    return scaled(scores)


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


def history(evidence: Evidence, clues: Clues) -> Scores:
    """Commits whose first line looks like the text, the recent ones more, by the files they touched."""
    subjects = [(commit, _subject_terms(commit.subject)) for commit in evidence.commits]
    holding: dict[str, int] = {}
    for _, terms in subjects:
        for term in terms:
            holding[term] = holding.get(term, 0) + 1
    total = len(subjects) or 1
    scores: Scores = {}
    for commit, terms in subjects:
        if not 0 < len(commit.paths) <= 12:
            continue
        shared = terms & clues.terms.keys()
        like = sum(
            math.log(1 + total / holding[term]) ** 2 * (2.0 if "title" in clues.terms[term] else 1.0)
            for term in shared
        )
        if not like:
            continue
        like *= 0.5 ** (commit.days / _HALF_LIFE_DAYS) / math.sqrt(len(commit.paths)) / (3 + len(terms))
        for path in commit.paths:
            scores[path] = scores.get(path, 0.0) + like
    return scaled(scores)


def active(evidence: Evidence, clues: Clues) -> Scores:
    """How often the file was changed lately: what changes has the faults."""
    counts: Scores = {}
    for commit in evidence.commits:
        if len(commit.paths) <= 12:
            for path in commit.paths:
                counts[path] = counts.get(path, 0.0) + 0.5 ** (commit.days / (2 * _HALF_LIFE_DAYS))
    return scaled({path: math.log(1 + count) for path, count in counts.items()})


def size(evidence: Evidence, clues: Clues) -> Scores:
    """How long the file is: long files have more faults than their words tell."""
    return scaled({path: math.log(1 + sum(sizes)) for path, sizes in evidence.sizes.items()})


SIGNALS: dict[str, Callable[[Evidence, Clues], Scores]] = {
    function.__name__: function
    for function in (
        words,
        defines,
        frames,
        named,
        modules,
        qualified,
        path_words,
        messages,
        history,
        active,
        size,
    )
}


def signals_of(evidence: Evidence, clues: Clues, passages: Passages) -> dict[str, Scores]:
    """All signals by name."""
    found = {name: signal(evidence, clues) for name, signal in SIGNALS.items()}
    found["passages"] = scaled(passages.best())
    told = min(1.0, sum(map(clues.weight, evidence.places)) / _ENOUGH_WORDS)
    for name in ("words", "passages", "path_words"):
        found[name] = {path: told * value for path, value in found[name].items()}
    found["test"] = {path: 1.0 for path in evidence.files if is_beside(path)}
    return found
