"""Python's definitions and mentions read from the layout of its lines, three times as fast as from a tree.

Python tells by indentation what stands in what, so a plain file needs no tree: strings and comments are blanked
out, byte for byte, and what is left is read line by line. Whatever is not plain (tabs, `;`, quotes inside an
f-string's braces, brackets that do not match) is left to the grammar; what both read is the same, tested on
the standard library.
"""

import re
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from keyword import kwlist
from operator import add, itemgetter

from kimi_tools.syntax.definitions import Definition, first_line_of, signature_of

Lines = dict[int, int]
"""0-based line: code of use."""

USE, IMPORT, CALL, INHERIT, DEFINITION, NOTHING = range(6)

_DEEP = 10
"""Levels of brackets that are taken away at once; deeper ones cost more, but still once each."""

_FILL, _REST, _INSIDE = b"\x02", b"\x03", b"\x01"
"""What a string's first byte becomes, what its others do, and the first column of a line that begins inside a
string or goes on another."""

_LINE = b"\x04"
_CALLS, _PREFIXES, _LAST_DIGIT = 40, 2, 57
"""How words end that are called and that are a string's prefix; the last byte that no name begins with."""

_DEEPEST = 100
"""Columns. What stands deeper is not plain."""

_OPAQUE = re.compile(
    rb"""#[^\n]*|\\\n[ ]?|"(?:""(?:[^"\\]|\\.|"(?!""))*+("{3})?|(?:[^"\\\n]|\\.)*+(")?)"""
    rb"""|'(?:''(?:[^'\\]|\\.|'(?!''))*+('{3})?|(?:[^'\\\n]|\\.)*+(')?)""",
    re.S,
)
"""A string always matches, ended or not, so that no place is looked at twice."""

_ODD = (b'"', b"'", b"\\", b";", b"\t")
_TYPE = re.compile(rb"^ *type +\w+ *[=\[]", re.M)
_HOLE = re.compile(rb"\{([^{}\"'#!:=\\]*)(?:=?(?:![rsa])?(?::[^{}\"'\\]*)?)\}")
_WORDS = bytes(
    byte if byte > 127 or bytes([byte]).isalnum() or byte in b"_(\x02" else _LINE[0] if byte == 10 else 32
    for byte in range(256)
)
_HEAD = re.compile(
    rb"\n( *+)(?:(class|(?:async +)?def) +([\w\x80-\xff]++)|(@)|([\w\x80-\xff]++) *+(?::(?!=)|=(?!=)))"
)
_NEXT = re.compile(rb"\n *[^ \n\x01]")
_ONE_LINE_CLASS = re.compile(rb" *class[^:]*: *(?:pass|\.\.\.) *$")
_NAME = re.compile(rb"[\w\x80-\xff]+")
_DOTTED = re.compile(rb"(?:[\w\x80-\xff]+ *\. *)*([\w\x80-\xff]+)")
_SUBSCRIPT = re.compile(rb"\[[^\[\]]*\]")
_IMPORT = re.compile(rb"import")
_IMPORTS = re.compile(rb"(?:.*:)? *(?:import|from)\b")
_BRACKET = re.compile(rb" *\(")
_DOC = re.compile(rb"[rRuUbB]{0,2}(\x02[\x01\x02\x03\n]*)")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"()[]{}\n")))
_KEYWORDS = frozenset(word.encode() for word in kwlist)
_OURS = (b"\r", b"\f", b"\0", _FILL, _REST, _INSIDE, _LINE)
"""Bytes that no plain file holds, or that mean something here."""


class _Odd(Exception):
    """Not plain enough to be read without a tree."""


def scan(data: bytes) -> tuple[list[Definition], dict[bytes, bytes]] | None:
    """A file's definitions, and its names with their lines and uses as packed by `pack`.

    None when it must be read with the grammar.
    """
    if any(byte in data for byte in _OURS):
        return None
    try:
        text = _OPAQUE.sub(_blank, data)
        if any(odd in text for odd in _ODD) or (b"type " in text and _TYPE.search(text)):
            return None
        file = _File(data, text)
        found = file.definitions()
    except _Odd:
        return None
    return found, _packed(_words(text), file.marks(found))


def _blank(match: re.Match[bytes]) -> bytes:
    piece = match[0]
    if piece[0] == 35:  # "#"
        return b" " * len(piece)
    if piece[0] == 92:  # a backslash at the line's end
        if len(piece) == 2:
            raise _Odd
        return b" \n" + _INSIDE
    if match.lastindex is None:
        raise _Odd
    holes = b""
    if b"{" in piece and match.string[match.start() - 1 : match.start()] in (b"f", b"F", b"r", b"R"):
        holes = _holes(match)
    if b"\n" not in piece:
        return holes or _FILL + _REST * (len(piece) - 1)
    if holes:
        raise _Odd
    first, *rest = piece.split(b"\n")
    return b"\n".join(
        [
            _FILL + _REST * (len(first) - 1),
            *(_INSIDE + _REST * (len(line) - 1) if line else b"" for line in rest),
        ]
    )


def _holes(match: re.Match[bytes]) -> bytes:
    """An f-string with the code in its braces kept; empty for a plain string."""
    prefix = match.string[max(0, match.start() - 3) : match.start()].lower()
    if not re.search(rb"(?<![\w\x80-\xff])(?:f|fr|rf)$", prefix):
        return b""
    if b"{{{" in match[0] or b"}}}" in match[0]:
        raise _Odd
    piece = match[0].replace(b"{{", b"\x02\x02").replace(b"}}", b"\x02\x02")
    kept = bytearray(_FILL * len(piece))
    for hole in _HOLE.finditer(piece):
        kept[hole.start(1) : hole.end(1)] = hole[1]
        kept[hole.start(1) - 1] = kept[hole.end(1)] = 32
    if re.search(rb"[{}]", _HOLE.sub(b"", piece)):
        raise _Odd
    kept[0] = kept[-1] = _FILL[0]
    return bytes(kept)


def _words(text: bytes) -> dict[bytes, list[int]]:
    """Every word in blanked text with its lines, packed as uses; the words of calls end with a bracket."""
    spaced = text.replace(b" (", b"(").translate(_WORDS, _REST)
    found: dict[bytes, list[int]] = {}
    known = found.get
    line = 0
    for word in spaced.replace(b"(", b"( ").replace(_LINE, b" %b " % _LINE).split():
        if word == _LINE:
            line += 8
        elif (lines := known(word)) is not None:
            if lines[-1] != line:
                lines.append(line)
        else:
            found[word] = [line]
    return found


def _packed(found: dict[bytes, list[int]], marks: dict[bytes, Lines]) -> dict[bytes, bytes]:
    """Each name's lines, with the strongest use on each."""
    calls = {word[:-1]: lines for word, lines in found.items() if word[-1] == _CALLS}
    names: dict[bytes, bytes] = {}
    for word, lines in found.items():
        if word[0] > _LAST_DIGIT and word[-1] != _CALLS and word[-1] != _PREFIXES and word not in _KEYWORDS:
            called = calls.pop(word, None)
            marked = marks.get(word)
            names[word] = _as_words(_strongest(lines, called or (), marked) if called or marked else lines)
    for word, lines in calls.items():
        if word and word[0] > _LAST_DIGIT and word[-1] != _PREFIXES and word not in _KEYWORDS:
            names[word] = _as_words(_strongest((), lines, marks.get(word)))
    return {name: lines for name, lines in names.items() if lines}


def _strongest(lines: Sequence[int], calls: Sequence[int], marks: Lines | None) -> list[int]:
    """The uses of one name as words, by line."""
    if not lines and not marks:
        return [line | CALL for line in calls]
    uses = dict.fromkeys(lines, USE)
    for line in calls:
        uses[line] = CALL
    for number, use in marks.items() if marks else ():
        line = number << 3
        if use == NOTHING:
            uses.pop(line, None)
        elif use > uses.get(line, -1) or use == CALL:
            uses[line] = use
    return sorted([line | use for line, use in uses.items()])


def _as_words(lines: list[int]) -> bytes:
    return lines[0].to_bytes(4, sys.byteorder) if len(lines) == 1 else array("I", lines).tobytes()


class _Open:
    """A class or function that later lines may stand in."""

    __slots__ = (
        "body",
        "doc",
        "end",
        "first",
        "head_end",
        "kind",
        "last",
        "line",
        "name",
        "qualified",
        "start",
    )

    def __init__(self, name: str, kind: str, outer: "_Open | None") -> None:
        self.name = name
        self.qualified = f"{outer.qualified}.{name}" if outer else name
        self.kind = "method" if kind == "function" and outer and outer.kind == "class" else kind
        self.first = self.line = self.last = 0
        self.start = self.head_end = self.end = 0
        """Where it starts, where its body does, and where what follows it does."""
        self.body = -1
        """The indentation of its body; -1 where that stands on its own first line."""
        self.doc = b""


class _File:
    def __init__(self, data: bytes, text: bytes) -> None:
        self.data = data
        self.text = text
        self.lines = text.split(b"\n")
        self.inside = _inside_brackets(text)
        self.starts = list(map(add, accumulate(map(len, self.lines), initial=0), range(len(self.lines))))
        self.bases: list[tuple[int, int]] = []
        self.decorators: list[int] = []
        self.found: list[tuple[int, int, Definition]] = []
        self.open: list[_Open] = []
        self.decorated = -1

    def line_of(self, offset: int) -> int:
        """The line that an offset lies on."""
        return bisect_right(self.starts, offset) - 1

    def definitions(self) -> list[Definition]:
        """All definitions, in the order of their starts."""
        open_ = self.open
        for head in _HEAD.finditer(b"\n" + self.text):
            offset = head.start()  # in the text, which has no line feed before it
            while open_ and open_[-1].end <= offset:
                open_.pop()
            outer = open_[-1] if open_ else None
            if head[5] and (outer.kind != "class" or outer.body != len(head[1]) if outer else head[1]):
                continue  # a local variable
            number = self.line_of(offset)
            if number not in self.inside:
                self._begin(head, outer, number)
        self.found.sort(key=itemgetter(0, 1))
        return [definition for _, _, definition in self.found]

    def _begin(self, head: re.Match[bytes], outer: _Open | None, number: int) -> None:
        """A line that begins something: a decorator, a class or function, an assignment."""
        spaces, kind, name, decorator, plain = head.groups()
        offset, indent = head.start(), len(spaces)
        if decorator:
            self.decorators.append(number)
            if self.decorated < 0:
                self.decorated = number
            return
        if not plain:
            made = _Open(name.decode("utf-8", "replace"), "class" if kind == b"class" else "function", outer)
            made.line, made.first = number, number if self.decorated < 0 else self.decorated
            self._measure(made, offset, indent)
            if kind == b"class":
                self.bases.append((head.end(3) - 1, number))
            self.open.append(made)
            self.found.append((self.starts[made.first], -made.last, self._definition(made)))
        elif plain not in _KEYWORDS:
            owner = f"{outer.qualified}." if outer else ""
            self.found.append((offset + indent, 0, self._assignment(plain, owner, number, offset + indent)))
        self.decorated = -1

    def _measure(self, made: _Open, offset: int, indent: int) -> None:
        """Find out where a class or function ends, whose first line starts at an offset, and where its body starts."""
        made.start = offset + indent
        body, body_indent = self._next(_NEXT, made.start)
        made.end, _ = self._next(_end_of(indent), body - 1)
        made.last = self._last(made.start, made.end)
        if body < made.end:
            made.body = body_indent
            made.head_end = body + body_indent
            made.doc = self._string(made.head_end) if self.text[made.head_end] in b"\x02rRuUbB" else b""

    def _next(self, pattern: re.Pattern[bytes], offset: int) -> tuple[int, int]:
        """The next line that fits a pattern and goes on no other: its offset and indentation.

        The text's end when there is none.
        """
        while match := pattern.search(self.text, offset):
            offset = match.start() + 1
            if not self.inside or self.line_of(offset) not in self.inside:
                return offset, match.end() - 1 - offset
        return len(self.text), 0

    def _last(self, start: int, end: int) -> int:
        """The last line between two offsets that is not blank."""
        return self.line_of(start + len(self.text[start:end].rstrip(b" \n")))

    def _assignment(self, plain: bytes, owner: str, number: int, start: int) -> Definition:
        name = plain.decode("utf-8", "replace")
        following, _ = self._next(_NEXT, start)
        last = self._last(start, following)
        line = self.lines[number] if last > number else self.lines[number].rstrip(b" ")
        signature = signature_of(self.data[start : self.starts[number] + len(line)][:2000])
        kind = "field" if owner else "variable"
        return Definition(name, f"{owner}{name}", kind, number + 1, last + 1, number + 1, signature, "")

    def _definition(self, item: _Open) -> Definition:
        if item.body < 0:  # `def f(): ...` on one line
            item.head_end = self._after_colon(item)
            if self.text[item.head_end : item.head_end + 1] == _FILL:
                item.doc = self._string(item.head_end)
        doc = item.doc or self._comment(item.first)
        signature = signature_of(self.data[item.start : min(item.head_end, item.start + 2000)])
        return Definition(
            *(item.name, item.qualified, item.kind, item.first + 1, item.last + 1, item.line + 1),
            *(signature, first_line_of(doc)),
        )

    def _after_colon(self, item: _Open) -> int:
        line = self.lines[item.line]
        if item.kind == "class" and not _ONE_LINE_CLASS.match(line):
            raise _Odd
        if item.line + 1 in self.inside:
            raise _Odd
        depth = 0
        for place in range(item.start, self.starts[item.line] + len(line)):
            letter = self.text[place]
            depth += (letter in b"([{") - (letter in b")]}")
            if letter == 58 and not depth:
                rest = self.text[place + 1 : self.starts[item.line] + len(line)]
                if not rest.strip(b" "):
                    break
                return place + 1 + len(rest) - len(rest.lstrip(b" "))
        raise _Odd

    def _string(self, start: int) -> bytes:
        """The string that is the whole statement at a place; empty for anything else."""
        match = _DOC.match(self.text, start)
        if match is None:
            return b""
        end = match.start(1) + len(match[1].rstrip(b"\n"))
        newline = self.text.find(b"\n", end)
        rest = self.text[end : newline if newline >= 0 else None]
        return b"" if rest.strip(b" ") else self.data[start:end]

    def _comment(self, first: int) -> bytes:
        """The lines of comment right above a line."""
        above = first
        while above and not self.lines[above - 1].strip(b" ") and self._raw(above - 1).startswith(b"#"):
            above -= 1
        if above < first and self._raw(above).startswith(b"#!"):
            above += 1
        return self.data[self.starts[above] : self.starts[first]][:2000] if above < first else b""

    def _raw(self, number: int) -> bytes:
        return self.data[self.starts[number] : self.starts[number] + len(self.lines[number])].strip()

    def marks(self, found: list[Definition]) -> dict[bytes, Lines]:
        """Which names are imported, inherited from, decorate, and are defined on which lines."""
        marks: dict[bytes, Lines] = {}
        for number in self._imports():
            before = b""
            begun = False
            for line in self._statement(number):
                for name in _NAME.findall(self.lines[line]):
                    begun = begun or name in (b"import", b"from")
                    if begun and before != b"as":
                        future = name == b"__future__" and before == b"from"
                        marks.setdefault(name, {})[line] = NOTHING if future else IMPORT
                    before = name
        for number in self.decorators:
            match = _DOTTED.match(self.lines[number], self.lines[number].index(b"@") + 1)
            if match:
                marks.setdefault(match[1], {})[number] = CALL
        for start, number in self.bases:
            self._inherited(start, number, marks)
        for item in found:
            marks.setdefault(item.name.encode(), {})[item.line - 1] = DEFINITION
        return marks

    def _imports(self) -> Iterator[int]:
        """The lines on which an import starts."""
        before = -1
        for match in _IMPORT.finditer(self.text):
            number = self.line_of(match.start())
            line = self.lines[number]
            if number > before and number not in self.inside and line[:1] != _INSIDE and _IMPORTS.match(line):
                yield number
            before = number

    def _inherited(self, start: int, number: int, marks: dict[bytes, Lines]) -> None:
        match = _BRACKET.match(self.text, start)
        end = self.text.find(b")", start)
        if match is None or end < 0:
            return
        place = match.end()
        arguments = self.text[place:end]
        for _ in range(_DEEP):
            if b"[" not in arguments:
                break
            arguments = _SUBSCRIPT.sub(_filled, arguments)
        for part in arguments.split(b","):
            base = _DOTTED.fullmatch(part.strip(b" \n\x01"))
            if base:
                line = number + self.text.count(b"\n", start, place + part.rindex(base[1]))
                marks.setdefault(base[1], {})[line] = INHERIT
            place += len(part) + 1

    def _statement(self, number: int) -> Iterator[int]:
        """The lines of the statement that starts on a line."""
        yield number
        number += 1
        while number < len(self.lines) and (number in self.inside or self.lines[number][:1] == _INSIDE):
            yield number
            number += 1


@cache
def _end_of(indent: int) -> re.Pattern[bytes]:
    """What fits the line behind a definition with an indentation. Raises `_Odd`."""
    if indent > _DEEPEST:
        raise _Odd
    return re.compile(rb"\n {0,%d}[^ \n\x01]" % indent)


def _filled(match: re.Match[bytes]) -> bytes:
    return _FILL * len(match[0])


def _inside_brackets(text: bytes) -> frozenset[int]:
    """The lines that begin inside brackets. Raises `_Odd` when these do not match."""
    marks = text.translate(None, _NOT_BRACKETS)
    for _ in range(_DEEP):
        fewer = marks.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(marks):
            break
        marks = fewer
    inside: list[int] = []
    open_: list[int] = []
    for number, line in enumerate(marks.split(b"\n")):
        if open_:
            inside.append(number)
        for mark in line:
            if mark in b"([{":
                open_.append(mark)
            elif not open_ or open_.pop() != {41: 40, 93: 91, 125: 123}[mark]:
                raise _Odd
    if open_:
        raise _Odd
    return frozenset(inside)
