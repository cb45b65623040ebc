"""Why a file is in the answer, in a few words."""

import math
import re
from collections.abc import Callable

from kimi_tools.index.terms import terms_of
from kimi_tools.symbols.locate.clues import Clues
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.rank import Ranked
from kimi_tools.symbols.locate.signals import matching

_MOST = 4
_LEAST = 0.02


def reasons_of(item: Ranked, evidence: Evidence, clues: Clues) -> tuple[str, ...]:
    """The signals that raised a file, the strongest first, each with what it found."""
    strongest = sorted(item.shares, key=lambda name: (-item.shares[name], name))
    found = [
        told
        for name in strongest
        if item.shares[name] > _LEAST
        and name in _TELLERS
        and (told := _TELLERS[name](item.path, evidence, clues))
    ]
    return tuple(dict.fromkeys(found))[:_MOST]


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
        term: clues.weight(term) * math.log(1 + total / len(places))
        for term, places in evidence.places.items()
        if path in places
    }
    best = sorted(held, key=lambda term: (-held[term], term))[:4]
    whole = {term: word for word in clues.names for term in terms_of(word)}
    return f"says {', '.join(dict.fromkeys(whole.get(term, term) for term in best))}" if best else ""


def _path(path: str, evidence: Evidence, clues: Clues) -> str:
    own = [word for word in re.findall(r"\w+", path) if set(terms_of(word)) & clues.terms.keys()]
    return f"path says {', '.join(list(dict.fromkeys(reversed(own)))[:2])}" if own else ""


def _commit(path: str, evidence: Evidence, clues: Clues) -> str:
    def like(subject: str) -> int:
        return len(
            {term for word in re.findall(r"\w+", subject) for term in terms_of(word)} & clues.terms.keys()
        )

    touching = [commit for commit in evidence.commits if path in commit.paths]
    best = max(touching, key=lambda commit: like(commit.subject), default=None)
    return f"a commit like it: {best.subject[:60]}" if best and like(best.subject) > 1 else ""


def _plainly(text: str) -> Callable[[str, Evidence, Clues], str]:
    return lambda path, evidence, clues: text


_TELLERS: dict[str, Callable[[str, Evidence, Clues], str]] = {
    "frames": _frames,
    "named": _named,
    "defines": _defines,
    "words": _words,
    "passages": _words,
    "path_words": _path,
    "history": _commit,
    "modules": _plainly("the module that is named"),
    "qualified": _plainly("has the method that is named with its class"),
    "messages": _plainly("holds the message that is quoted"),
}
