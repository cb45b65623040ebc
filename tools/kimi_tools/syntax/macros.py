"""Macros of C and C++ that stand where their grammars know none: `class API Foo {`, `INLINE int f() {`.

The grammars take `API` for the class and the rest for a function, and lose the members. Blanks in the macro's place
make them see what the compiler sees, without moving anything.
"""

import re
from collections.abc import Iterator

from kimi_tools.syntax.languages import Language

_LANGUAGES = frozenset({"c", "cpp"})
_BEFORE_CLASS = re.compile(
    rb"\b(?:class|struct)[ \t]+([A-Z][A-Z0-9_]+)(?=[ \t]+[A-Za-z_][\w:]*[ \t]*(?:final\b)?\s*[:{<])"
)
_BEFORE_TYPE = re.compile(
    rb"^[ \t]*([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?=[ \t]+[\w:]+[^\s;(){}=][^;(){}=\n]*\()(?![ \t]+\w+[ \t]*\()",
    re.MULTILINE,
)


def places(language: Language, data: bytes) -> Iterator[tuple[int, int]]:
    """Where such macros stand in a file, as offsets of bytes."""
    if language.name in _LANGUAGES:
        for pattern in (_BEFORE_CLASS, _BEFORE_TYPE):
            for found in pattern.finditer(data):
                yield found.span(1)


def blanked(language: Language, data: bytes) -> bytes:
    """The same text, of the same length, with blanks in the place of such macros."""
    found = list(places(language, data))
    if not found:
        return data
    text = bytearray(data)
    for start, end in found:
        text[start:end] = b" " * (end - start)
    return bytes(text)
