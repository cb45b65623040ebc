"""Syntax errors of a file, as the parser sees them."""

from dataclasses import dataclass

import tree_sitter as ts

from kimi_tools.syntax.grammar import Unparsed, parse
from kimi_tools.syntax.languages import language_of

MOST = 20
"""Errors reported for one file."""

_VISITS = 20_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One syntax error: its line (1-based) and what the parser could not make sense of."""

    line: int
    message: str


def errors(path: str, data: bytes) -> list[Problem]:
    """The first syntax errors of a file, by line.

    Empty when there are none, and also when the language is unknown or the file cannot be parsed: silence is
    not proof. A grammar lags behind its language, so compare before and after an edit instead of trusting one
    list by itself.
    """
    language = language_of(path, data)
    if language is None or not language.checked:
        return []
    try:
        tree = parse(language, data)
    except Unparsed:
        return []
    return sorted(set(_walk(tree, data)), key=lambda problem: (problem.line, problem.message))


def _walk(tree: ts.Tree, data: bytes) -> list[Problem]:
    cursor = tree.walk()
    found: list[Problem] = []
    for _ in range(_VISITS):
        node = cursor.node
        if node is None or len(found) >= MOST:
            break
        if node.is_missing:
            found.append(Problem(node.start_point[0] + 1, f"missing {_quoted(node.type)}"))
        elif node.is_error:
            found.append(_unexpected(node, data))
        elif node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found
    return found


def _unexpected(node: ts.Node, data: bytes) -> Problem:
    """An error node that spans many lines says little: its last token stands where the parser gave up."""
    if node.start_point[0] == node.end_point[0]:
        text = data[node.start_byte : node.end_byte][:80].decode("utf-8", "replace").strip()
        return Problem(node.start_point[0] + 1, f"unexpected {_quoted(text)}")
    first = data[node.start_byte : node.start_byte + 200].split(b"\n")[0].decode("utf-8", "replace").strip()
    return Problem(
        node.start_point[0] + 1,
        f"cannot be parsed from {_quoted(first[:80])} to line {node.end_point[0] + 1}",
    )


def _quoted(text: str) -> str:
    return f"'{text}'" if text else "end of line"
