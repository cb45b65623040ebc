"""Where names are used in a file: every identifier in its code, and what it is used for."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import cast

import tree_sitter as ts

from kimi_tools.syntax import macros
from kimi_tools.syntax.definitions import Definition, defined
from kimi_tools.syntax.grammar import Unparsed, captures, parse, query
from kimi_tools.syntax.languages import Language, language_of
from kimi_tools.syntax.packed import Use
from kimi_tools.syntax.words import words


@dataclass(frozen=True, slots=True)
class Reference:
    """One occurrence of a name in code (never in a string or comment).

    `line` and `column` are 1-based, the column in bytes. `within`: the qualified name of the innermost
    definition around it, empty at the top level.
    """

    name: str
    use: Use
    line: int
    column: int
    within: str


def references(path: str, data: bytes, name: str) -> list[Reference]:
    """Where one name occurs in a file's code, in order.

    Empty when the language is unknown or the file cannot be parsed (binary, huge, or hostile).
    """
    language = language_of(path, data)
    wanted = name.encode()
    if language is None or wanted not in data:
        return []
    try:
        tree = parse(language, data)
        uses = occurrences(language, tree, data, wanted)
        scopes = Scopes(defined(language, tree, data))
    except Unparsed:
        return []
    found: list[Reference] = []
    for (line, column), use in sorted(uses.items()):
        if (line + 1, name) in scopes.names:
            use = "definition"
        found.append(Reference(name, use, line + 1, column + 1, scopes.at(line + 1, use == "definition")))
    return found


def occurrences(language: Language, tree: ts.Tree, data: bytes, name: bytes) -> dict[tuple[int, int], Use]:
    """The places of a name, as 0-based line and byte column, and its use there. Raises `Unparsed`."""
    wanted = query(language, "references")
    if wanted is None:
        return {}
    found: dict[tuple[int, int], Use] = {}
    captured = captures(wanted, tree)
    loose = captured.pop("words", [])
    for use, nodes in captured.items():
        for node in nodes:
            if data[node.start_byte : node.end_byte] == name:
                place = (node.start_point[0], node.start_point[1])
                if use != "use" or place not in found:
                    found[place] = cast(Use, use)
    for start, end in chain(macros.places(language, data), words(loose, data)):
        if data[start:end] == name:
            line = data.count(b"\n", 0, start)
            found.setdefault((line, start - data.rfind(b"\n", 0, start) - 1), "use")
    return found


class Scopes:
    """Which definition a line stands in."""

    def __init__(self, definitions: list[Definition]) -> None:
        self.names = {(definition.line, definition.name) for definition in definitions}
        self._all = [item for item in definitions if item.last_line > item.first_line or item.kind in _BODIES]
        self._starts = [definition.first_line for definition in self._all]

    def at(self, line: int, defining: bool = False) -> str:
        """The qualified name of the innermost definition around a line; '' for none.

        With `defining`, a definition whose own name stands on the line does not count.
        """
        for index in range(bisect_right(self._starts, line) - 1, -1, -1):
            definition = self._all[index]
            if definition.last_line >= line and not (defining and definition.line == line):
                return definition.qualified
        return ""


_BODIES = frozenset({"function", "method", "class"})


def places(path: str, data: bytes, name: str) -> list[tuple[int, int]]:
    """Where a name stands in a file's code, as 1-based line and byte column, definitions included; in order."""
    return [(reference.line, reference.column) for reference in references(path, data, name)]
