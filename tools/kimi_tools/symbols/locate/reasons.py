"""Why a file is in the answer, in a few words."""

import re
from collections.abc import Callable
from textwrap import shorten

from kimi_tools.store.terms import terms_of
from kimi_tools.symbols.locate.clues import Clues, matching
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.fits import rarity
from kimi_tools.symbols.locate.history import terms_in
from kimi_tools.symbols.locate.rank import Ranked
from kimi_tools.symbols.locate.signals import beside_of

_MOST = 4
_LEAST = 0.1
"""Of a share, below which it is not told."""

_COMMON = 4
"""A word that stands in more than this part of all paths tells none from another."""


def reasons_of(item: Ranked, evidence: Evidence, clues: Clues) -> tuple[str, ...]:
    """The signals that raised a file, each with what it found, the most telling kinds first."""
    found = [
        told
        for name, tell in _TELLERS.items()
        if item.shares[name] > _LEAST and (told := tell(item.path, evidence, clues))
    ]
    return tuple(found)[:_MOST]


def _frames(path: str, evidence: Evidence, clues: Clues) -> str:
    inside = [place for place in clues.places if place.depth >= 0 and matching([path], place.path)]
    inside.sort(key=lambda place: place.depth)
    return f"stack trace, line {', '.join(str(place.line) for place in inside[:3])}" if inside else ""


def _named(path: str, evidence: Evidence, clues: Clues) -> str:
    found = [place for place in clues.places if place.depth < 0 and matching([path], place.path)]
    return f"names {found[0].path}{f':{found[0].line}' if found[0].line else ''}" if found else ""


def _defines(path: str, evidence: Evidence, clues: Clues) -> str:
    names = {
        name: len(found)
        for name, found in evidence.definers.items()
        if any(other == path for other, _ in found)
    }
    said = sorted((name for name in names if name in clues.names), key=lambda name: (names[name], name))
    return f"defines {', '.join(said[:3])}" if said else ""


def _words(path: str, evidence: Evidence, clues: Clues) -> str:
    total = len(evidence.sizes) or 1
    held = {
        term: clues.weight(term) * rarity(total, len(places))
        for term, places in evidence.places.items()
        if path in places
    }
    best = sorted(held, key=lambda term: (-held[term], term))[:_MOST]
    best = [term for term in best if held[term] > held[best[0]] / 3]
    said: dict[str, str] = {}
    for word in sorted(clues.names, key=lambda word: (len(word), word)):
        for term in terms_of(word):
            said.setdefault(term, word)
    return f"says {', '.join(dict.fromkeys(said.get(term, term) for term in best))}" if best else ""


def _path(path: str, evidence: Evidence, clues: Clues) -> str:
    words = [word for word in re.findall(r"\w+", path) if set(terms_of(word)) & clues.terms.keys()]
    most = len(evidence.files) / _COMMON
    own = [word for word in words if sum(word in other for other in evidence.files) <= most]
    return f"path says {', '.join(list(dict.fromkeys(reversed(own)))[:2])}" if own else ""


def _commit(path: str, evidence: Evidence, clues: Clues) -> str:
    def like(subject: str) -> int:
        return len(terms_in(subject) & clues.terms.keys())

    subjects = [
        evidence.history.commits[number].subject for number in evidence.history.touching.get(path, ())
    ]
    best = max(subjects, key=like, default="")
    return f"a commit like it: {shorten(best, 60, placeholder=' …')}" if like(best) > 1 else ""


def _along(path: str, evidence: Evidence, clues: Clues) -> str:
    history = evidence.history
    with_it = {other for number in history.touching.get(path, ()) for other in history.commits[number].paths}
    best = next((beside for beside, _ in beside_of(evidence) if beside in with_it), "")
    return f"changed with {best}" if best else ""


def _plainly(text: str) -> Callable[[str, Evidence, Clues], str]:
    return lambda path, evidence, clues: text


_TELLERS: dict[str, Callable[[str, Evidence, Clues], str]] = {
    "frames": _frames,
    "named": _named,
    "qualified": _plainly("named with its class or module"),
    "modules": _plainly("the module named"),
    "messages": _plainly("holds the quoted message"),
    "defines": _defines,
    "words": _words,
    "log": _commit,
    "along": _along,
    "path_words": _path,
}
"""The most telling first."""
