"""Parsing, bounded: the only importer of tree_sitter and of the grammars' wheels.

A hostile or odd file (binary, megabytes on one line, a hundred thousand brackets) costs at most
`SECONDS_LIMIT` and is then `Unparsed`, which callers turn into an empty answer.
"""

import importlib
import time
import warnings
from functools import cache
from pathlib import Path
from threading import local

import tree_sitter as ts

from kimi_tools.syntax import macros
from kimi_tools.syntax.languages import Language

BYTES_LIMIT = 4 * 1024 * 1024
"""Larger files are generated or data; a parse takes about 90 ms per MB."""

SECONDS_LIMIT = 2.0
"""For one parse. Ordinary source takes milliseconds."""

QUERIES = Path(__file__).with_name("queries")

_PIECE = 1 << 16
_VISITS = 50_000
_ERROR_CHILDREN = 5_000
_per_thread = local()


class Unparsed(Exception):
    """The text is binary, too large, or took too long to parse."""


@cache
def grammar(language: Language) -> ts.Language:
    """The language's grammar, loaded from its wheel the first time."""
    pointer: object = getattr(importlib.import_module(language.wheel), language.function)()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return ts.Language(pointer)  # older wheels hand out an int, which still works


@cache
def query(language: Language, section: str) -> ts.Query | None:
    """One section of the language's query file, compiled; None when it has none.

    `queries/<name>.scm` holds `definitions`, `references` and others, each under a line `;; section`.
    """
    text = _sections(language.query or language.name).get(section, "")
    if section == "references" and text.strip():
        text += "\n(ERROR) @words"
    return ts.Query(grammar(language), text) if text.strip() else None


@cache
def _sections(name: str) -> dict[str, str]:
    source = QUERIES / f"{name}.scm"
    if not source.is_file():
        return {}
    _, *pieces = f"\n{source.read_text('utf-8')}".split("\n;; ")
    return {title.strip(): text for title, _, text in (piece.partition("\n") for piece in pieces)}


def parse(language: Language, data: bytes) -> ts.Tree:
    """The syntax tree of a file's bytes. Raises `Unparsed`."""
    if len(data) > BYTES_LIMIT or b"\0" in data[:8192]:
        raise Unparsed
    parsers: dict[str, ts.Parser] = _per_thread.__dict__.setdefault("parsers", {})
    if (parser := parsers.get(language.name)) is None:
        parser = parsers[language.name] = ts.Parser(grammar(language))
    text = macros.blanked(language, data)
    deadline = time.monotonic() + SECONDS_LIMIT
    try:
        return parser.parse(
            lambda offset, _point: text[offset : offset + _PIECE],
            progress_callback=lambda _offset, _error: time.monotonic() > deadline,
        )
    except ValueError:  # what the binding raises for a cancelled parse
        parser.reset()
        raise Unparsed from None


def captures(query: ts.Query, tree: ts.Tree) -> dict[str, list[ts.Node]]:
    """All nodes that the query captures in a tree, by capture name. Raises `Unparsed`."""
    _refuse_flat_errors(tree)
    return ts.QueryCursor(query).captures(tree.root_node)


def matches(query: ts.Query, tree: ts.Tree) -> list[tuple[int, dict[str, list[ts.Node]]]]:
    """All matches of the query in a tree. Raises `Unparsed`."""
    _refuse_flat_errors(tree)
    return ts.QueryCursor(query).matches(tree.root_node)


def _refuse_flat_errors(tree: ts.Tree) -> None:
    """Raise `Unparsed` for a tree whose error nodes hold thousands of children.

    A query takes time with the square of an error node's children (40,000 open brackets: 2.5 s, 200,000: a
    minute), and its own progress callback crashes the interpreter in tree-sitter 0.26.1.
    """
    if not tree.root_node.has_error:
        return
    cursor = tree.walk()
    for _ in range(_VISITS):
        node = cursor.node
        if node is None or (node.is_error and node.child_count > _ERROR_CHILDREN):
            raise Unparsed
        if node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
    raise Unparsed
