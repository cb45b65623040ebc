"""All that an index keeps of one file: its definitions, and on which lines which names occur in its code."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, chain

from kimi_tools.syntax import macros
from kimi_tools.syntax.definitions import Definition, defined
from kimi_tools.syntax.grammar import Unparsed, captures, parse, query
from kimi_tools.syntax.languages import Language
from kimi_tools.syntax.packed import USES, pack
from kimi_tools.syntax.python_lines import scan
from kimi_tools.syntax.words import words

_LONGEST = 200
_NOISE = frozenset({b"self", b"cls"})
"""Names that mean something else in every function; a tenth of all identifiers in Python."""


@dataclass(frozen=True, slots=True)
class Extract:
    """A file's definitions, and for each name its occurrences as packed by `pack`."""

    definitions: list[Definition]
    mentions: dict[str, bytes]


EMPTY = Extract([], {})


def extract(language: Language, data: bytes) -> Extract:
    """Read one file whole; `EMPTY` when it cannot be parsed."""
    if language.name == "python" and (scanned := scan(data)) is not None:
        return _kept(*scanned)
    try:
        tree = parse(language, data)
        found = defined(language, tree, data)
        wanted = query(language, "references")
        captured = captures(wanted, tree) if wanted is not None else {}
    except Unparsed:
        return EMPTY
    places: dict[bytes, dict[int, int]] = {}
    ends = list(accumulate(len(line) + 1 for line in data.split(b"\n")))
    for code, use in enumerate(USES):  # the strongest last, so that it stays
        for node in captured.get(use, ()):
            start = node.start_byte
            name = data[start : node.end_byte]
            lines = places.get(name)
            if lines is not None:
                lines[bisect_right(ends, start)] = code
            elif name not in _NOISE:
                places[name] = {bisect_right(ends, start): code}
    for start, end in chain(macros.places(language, data), words(captured.get("words", ()), data)):
        places.setdefault(data[start:end], {}).setdefault(bisect_right(ends, start), USES.index("use"))
    for definition in found:
        places.setdefault(definition.name.encode(), {})[definition.line - 1] = len(USES) - 1
    return _kept(found, {name: pack(lines) for name, lines in places.items()})


def _kept(found: list[Definition], names: dict[bytes, bytes]) -> Extract:
    mentions = {
        name.decode("utf-8", "replace"): lines
        for name, lines in names.items()
        if len(name) <= _LONGEST and name not in _NOISE
    }
    return Extract(found, mentions)
