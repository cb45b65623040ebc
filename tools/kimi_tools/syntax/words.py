"""Identifiers where a grammar sees none: in the bodies of macros, and in what it could not read.

The queries capture such nodes as `words`. A name there is a use like any other: the bodies of C's macros hold
calls, and `#if` amid an enumeration or a `switch` hides a line from C#'s grammar.
"""

import re
from collections.abc import Iterable, Iterator

import tree_sitter as ts

_LONGEST = 20_000
_STRING = re.compile(rb'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_WORD = re.compile(rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*")


def words(nodes: Iterable[ts.Node], data: bytes) -> Iterator[tuple[int, int]]:
    """Where identifiers stand in nodes that hold no other nodes, as offsets of bytes; not in strings or comments."""
    for node in nodes:
        start, end = node.start_byte, node.end_byte
        if node.named_child_count or end - start > _LONGEST:
            continue
        text = _STRING.sub(lambda found: b" " * len(found[0]), data[start:end])
        for found in _WORD.finditer(text):
            yield start + found.start(), start + found.end()
