"""Names: their parts, their likeness, and what a path says of a file."""

import re
from collections.abc import Collection
from difflib import get_close_matches

from kimi_tools.errors import BadArguments

_SEPARATORS = re.compile(r"\.|::|#|/|\\|->")
_TEST = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__)(/|$)|(^|/)(test_[^/]*|[^/]*[._-](test|spec)s?\.[^/]+|conftest\.py)$",
    re.I,
)
_MOST_SIMILAR = 12
_LONGEST = 300


def parts(name: str) -> list[str]:
    """The parts of a qualified name as any language writes it: `a.b`, `a::b`, `A#b`, `a/b`, `A->b`."""
    return [part.strip().removesuffix("()") for part in _SEPARATORS.split(name) if part.strip(" ()*")]


def checked(name: str) -> list[str]:
    """The parts of a name that a caller gave. Raises `BadArguments` when it is none."""
    if len(name) > _LONGEST or any(
        ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name
    ):
        raise BadArguments(
            f"'name' is no name: it holds control characters or more than {_LONGEST} characters."
        )
    if found := parts(name):
        return found
    raise BadArguments("'name' holds no name; give one such as 'save' or 'Model.save'.")


def is_test(path: str) -> bool:
    """Whether a path looks like a test's."""
    return _TEST.search(path) is not None


def words(name: str) -> list[str]:
    """The words in an identifier, in lower case: `getHTTPResponse_code` is get, http, response, code."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name)]


def resembling(name: str, names: Collection[str]) -> list[str]:
    """The names most like one: those that contain it, its letters in order, or most of its letter pairs."""
    wanted = name.lower()
    pairs = _pairs(wanted)
    if not pairs:
        return []
    scored: list[tuple[float, int, str]] = []
    in_order = re.compile(".*?".join(map(re.escape, wanted)))
    for candidate in names:
        lower = candidate.lower()
        own = _pairs(lower)
        score = 2 * len(pairs & own) / (len(pairs) + len(own)) if own else 0.0
        if wanted in lower:
            score += 1
        elif len(wanted) >= 3 and in_order.search(lower):
            score += 0.3
        if score >= 0.5:
            scored.append((-score, len(candidate), candidate))
    if not scored:
        return get_close_matches(name, names, _MOST_SIMILAR, 0.7)
    return [candidate for _, _, candidate in sorted(scored)[:_MOST_SIMILAR]]


def _pairs(text: str) -> set[str]:
    return {text[index : index + 2] for index in range(len(text) - 1)}
