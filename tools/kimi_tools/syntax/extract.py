"""All that an index keeps of one file: its definitions, and on which lines which names occur in its code."""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from kimi_tools.syntax.definitions import Definition, defined
from kimi_tools.syntax.grammar import Unparsed, captures, parse, query
from kimi_tools.syntax.languages import Language
from kimi_tools.syntax.references import Use

USES: tuple[Use, ...] = ("use", "import", "call", "inherit", "definition")
"""By code, the weakest first: of several occurrences on one line the strongest counts."""

_LONGEST = 200
_CODES = {use: code for code, use in enumerate(USES)}


@dataclass(frozen=True, slots=True)
class Extract:
    """A file's definitions, and for each name its occurrences as packed by `pack`."""

    definitions: list[Definition]
    mentions: dict[str, bytes]


EMPTY = Extract([], {})


def extract(language: Language, data: bytes) -> Extract:
    """Read one file whole; `EMPTY` when it cannot be parsed."""
    try:
        tree = parse(language, data)
        found = defined(language, tree, data)
        wanted = query(language, "references")
        captured = captures(wanted, tree) if wanted is not None else {}
    except Unparsed:
        return EMPTY
    ends = list(accumulate(len(line) + 1 for line in data.split(b"\n")))
    places: dict[bytes, dict[int, int]] = {}
    for use in sorted(captured, key=lambda use: _CODES.get(use, -1)):
        code = _CODES.get(use)
        if code is None:
            continue
        for node in captured[use]:
            start = node.start_byte
            name = data[start : node.end_byte]
            line = bisect_right(ends, start) + 1
            if (lines := places.get(name)) is None:
                places[name] = {line: code}
            else:
                lines[line] = code
    for definition in found:
        lines = places.setdefault(definition.name.encode(), {})
        lines[definition.line] = _CODES["definition"]
    return Extract(
        found,
        {
            name.decode("utf-8", "replace"): pack(lines)
            for name, lines in places.items()
            if len(name) <= _LONGEST
        },
    )


def pack(lines: dict[int, int]) -> bytes:
    """`{line: code of USES}` as bytes: one little 32-bit word a line, `line * 8 + code`."""
    return array("I", [line << 3 | code for line, code in lines.items()]).tobytes()


def unpack(packed: bytes) -> list[tuple[int, Use]]:
    """The lines and uses in `packed`, by line."""
    return [(word >> 3, USES[word & 7]) for word in sorted(array("I", packed))]
