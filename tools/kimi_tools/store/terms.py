"""The words of a file: what its names, prose, messages and code say, and on which lines.

A lexer of one regular expression for each family of languages tells prose from code. It need not be exact: a
word under the wrong heading costs a little rank, never an answer.
"""

import re
import sys
from array import array
from collections.abc import Iterator
from functools import lru_cache

from kimi_tools.syntax import Language

FIELDS = ("code", "name", "prose", "message")
"""Where a word stands, by code: in code, as the name of what is defined, in a comment or docstring, in a
string literal."""

CODE, NAME, PROSE, MESSAGE = range(4)

_MOST_LINES = 60
"""Occurrences of one term kept for one file; more say nothing new."""

_LONGEST_WORD = 60
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_FAMILIES = {
    "hash": rf"(\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|{_STRING}|\#[^\n]*)",
    "slash": rf"(/\*[\s\S]*?\*/|{_STRING}|`[^`]*`|//[^\n]*)",
    "dash": rf"(--\[\[[\s\S]*?\]\]|{_STRING}|--[^\n]*)",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _FAMILIES.items()}
_SLASH = frozenset(
    [
        "javascript",
        "typescript",
        "tsx",
        "go",
        "rust",
        "java",
        "c",
        "cpp",
        "csharp",
        "php",
        "kotlin",
        "swift",
        "scala",
        "zig",
        "objc",
        "groovy",
        "dart",
    ]
)
_DASH = frozenset(["lua", "sql", "haskell"])
_WORD = re.compile(r"[^\W\d]\w+")
_DEFINES = re.compile(
    r"\b(?:def|class|function|func|fn|fun|struct|interface|trait|enum|module|record|protocol|type)\s+([^\W\d]\w*)"
)
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "our",
        "out",
        "over",
        "own",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "def",
        "class",
        "self",
        "cls",
        "return",
        "import",
        "elif",
        "else",
        "except",
        "finally",
        "lambda",
        "none",
        "true",
        "false",
        "null",
        "pass",
        "raise",
        "try",
        "while",
        "yield",
        "async",
        "await",
        "print",
        "int",
        "str",
        "new",
        "var",
        "let",
        "const",
        "function",
        "public",
        "private",
        "static",
        "void",
        "end",
    ]
)


def terms_of(word: str) -> tuple[str, ...]:
    """The terms that a word or identifier stands for: itself in lower case, and its parts, each stemmed."""
    return _terms(word) if len(word) <= _LONGEST_WORD else ()


@lru_cache(maxsize=200_000)
def _terms(word: str) -> tuple[str, ...]:
    lower = word.lower()
    parts = [part.lower() for part in _PARTS.findall(word)]
    if parts == [lower]:
        return () if lower in _STOP or len(lower) < 2 else (sys.intern(stem(lower)),)
    found = dict.fromkeys(stem(part) for part in parts if len(part) > 1 and part not in _STOP)
    whole = lower.strip("_")
    if len(whole) > 1 and whole not in _STOP:
        found[stem(whole) if whole in parts else whole] = None
    return tuple(sys.intern(term) for term in found)


def stem(word: str) -> str:
    """A word without the commonest English endings: `resolving`, `resolved`, `resolves` are `resolv`."""
    if len(word) > 4:
        if word.endswith("ies"):
            return word[:-3] + "y"
        for ending in ("ing", "edly", "ed", "es", "s", "e"):
            if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
                return word[: -len(ending)]
    elif len(word) == 4 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def file_terms(language: Language, data: bytes) -> tuple[dict[str, bytes], tuple[int, ...]]:
    """Each term of a file with its packed occurrences, and how many words each of `FIELDS` holds."""
    found: dict[str, list[int]] = {}
    sizes = [0] * len(FIELDS)
    for line, field, text in _pieces(language, data.decode("utf-8", "replace")):
        place = line << 3 | field
        words = _WORD.findall(text)
        sizes[field] += len(words)
        for word in words:
            for term in terms_of(word):
                if term in found:
                    found[term].append(place)
                else:
                    found[term] = [place]
    return {term: array("I", places[:_MOST_LINES]).tobytes() for term, places in found.items()}, tuple(sizes)


def _pieces(language: Language, text: str) -> Iterator[tuple[int, int, str]]:
    """The text in pieces that lie on one line and in one field."""
    family = "slash" if language.name in _SLASH else "dash" if language.name in _DASH else "hash"
    line = 1
    for number, piece in enumerate(_PATTERNS[family].split(text)):
        field = _field(piece) if number % 2 else CODE
        for row in piece.split("\n"):
            if row:
                yield line, field, row
                if field == CODE:
                    for match in _DEFINES.finditer(row):
                        yield line, NAME, match[1]
            line += 1
        line -= 1


def _field(piece: str) -> int:
    if piece.startswith(('"""', "'''", "#", "/", "--")):
        return PROSE
    return MESSAGE
