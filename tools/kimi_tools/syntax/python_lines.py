"""Python's definitions and mentions read from the layout of its lines, three times as fast as from a tree.

Python tells by indentation what stands in what, so a plain file needs no tree: strings and comments are blanked
out, byte for byte, and what is left is read line by line. Whatever is not plain (tabs, `;`, quotes inside an
f-string's braces, brackets that do not match) is left to the grammar; what both read is the same, tested on
the standard library.
"""

import re
import sys
from array import array
from collections.abc import Iterator
from keyword import kwlist

from kimi_tools.syntax.definitions import Definition, first_line_of, signature_of
from kimi_tools.syntax.packed import pack

Lines = dict[int, int]
"""0-based line: code of use."""

USE, IMPORT, CALL, INHERIT, DEFINITION, NOTHING = range(6)

_DEEP = 10
"""Levels of brackets that are taken away at once; deeper ones cost more, but still once each."""

_FILL, _INSIDE = b"\x02", b"\x01"
"""What a string becomes, and the first column of a line that begins inside a string or goes on another."""

_OPAQUE = re.compile(
    rb"""#[^\n]*|\\\n[ ]?|"(?:""(?:[^"\\]|\\.|"(?!""))*+("{3})?|(?:[^"\\\n]|\\.)*+(")?)"""
    rb"""|'(?:''(?:[^'\\]|\\.|'(?!''))*+('{3})?|(?:[^'\\\n]|\\.)*+(')?)""",
    re.S,
)
"""A string always matches, ended or not, so that no place is looked at twice."""

_ODD = (b'"', b"'", b"\\", b";", b"\t")
_TYPE = re.compile(rb"^ *type +\w+ *[=\[]", re.M)
_HOLE = re.compile(rb"\{([^{}\"'#!:=\\]*)(?:=?(?:![rsa])?(?::[^{}\"'\\]*)?)\}")
_WORD = re.compile(rb"[\w\x80-\xff]+(?![\w\x80-\xff\x02])\(?|\n")
_HEAD = re.compile(
    rb" *(?:(class|(?:async +)?def) +([\w\x80-\xff]+)|(@)|([\w\x80-\xff]+) *(?::(?!=)|=(?!=)))"
)
_ONE_LINE_CLASS = re.compile(rb" *class[^:]*: *(?:pass|\.\.\.) *$")
_NAME = re.compile(rb"[\w\x80-\xff]+")
_DOTTED = re.compile(rb"(?:[\w\x80-\xff]+ *\. *)*([\w\x80-\xff]+)")
_SUBSCRIPT = re.compile(rb"\[[^\[\]]*\]")
_IMPORTS = re.compile(rb"(?:.*:)? *(?:import|from)\b")
_BRACKET = re.compile(rb" *\(")
_DOC = re.compile(rb"[rRuUbB]{0,2}(\x02[\x01\x02\n]*)")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"()[]{}\n")))
_KEYWORDS = frozenset(word.encode() for word in kwlist)


class _Odd(Exception):
    """Not plain enough to be read without a tree."""


def scan(data: bytes) -> tuple[list[Definition], dict[bytes, bytes]] | None:
    """A file's definitions, and its names with their lines and uses as packed by `pack`.

    None when it must be read with the grammar.
    """
    if b"\r" in data or b"\f" in data or b"\x01" in data or b"\x02" in data or b"\0" in data:
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
        return holes or _FILL * len(piece)
    if holes:
        raise _Odd
    first, *rest = piece.split(b"\n")
    return b"\n".join(
        [_FILL * len(first), *(_INSIDE + _FILL * (len(line) - 1) if line else b"" for line in rest)]
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
    found: dict[bytes, list[int]] = {}
    known = found.get
    line = 0
    for word in _WORD.findall(text.replace(b" (", b"(")):
        if word == b"\n":
            line += 8
        elif (lines := known(word)) is not None:
            lines.append(line)
        else:
            found[word] = [line]
    return found


def _packed(found: dict[bytes, list[int]], marks: dict[bytes, Lines]) -> dict[bytes, bytes]:
    """Each name's lines, with the strongest use on each."""
    names: dict[bytes, bytes] = {}
    for word in found:
        name = word[:-1] if word[-1] == 40 else word
        if name in _KEYWORDS or name in names or word[0] < 58:
            continue
        calls = found.get(name + b"(")
        marked = marks.get(name)
        if calls is None and marked is None:
            lines = found[name]
            names[name] = (
                lines[0].to_bytes(4, sys.byteorder)
                if len(lines) == 1
                else array("I", dict.fromkeys(lines)).tobytes()
            )
            continue
        uses = dict.fromkeys([line >> 3 for line in found.get(name, ())], USE)
        uses.update(dict.fromkeys([line >> 3 for line in calls or ()], CALL))
        for line, use in (marked or {}).items():
            if use == NOTHING:
                uses.pop(line, None)
            elif use > uses.get(line, -1) or use == CALL:
                uses[line] = use
        if uses:
            names[name] = pack(uses)
    return names


class _Open:
    """A class or function whose end is not yet met."""

    __slots__ = ("body", "doc", "end", "first", "indent", "kind", "line", "name", "qualified", "start")

    def __init__(self, name: str, kind: str, outer: "_Open | None", indent: int) -> None:
        self.name = name
        self.qualified = f"{outer.qualified}.{name}" if outer else name
        self.kind = "method" if kind == "function" and outer and outer.kind == "class" else kind
        self.indent = indent
        self.first = self.line = self.end = self.start = 0
        self.body = -1
        """The indentation of its body; -1 before that is met."""
        self.doc = b""


class _File:
    def __init__(self, data: bytes, text: bytes) -> None:
        self.data = data
        self.text = text
        self.lines = text.split(b"\n")
        self.inside = _inside_brackets(text)
        self.starts: list[int] = []
        offset = 0
        for line in self.lines:
            self.starts.append(offset)
            offset += len(line) + 1
        self.bases: list[tuple[int, int]] = []
        self.decorators: list[int] = []
        self.imports: list[int] = []
        self.found: list[tuple[int, int, Definition]] = []
        self.open: list[_Open] = []
        self.fresh: _Open | None = None
        self.plain: tuple[str, str, int, int] | None = None
        self.decorated = -1

    def definitions(self) -> list[Definition]:
        """All definitions, in the order of their starts."""
        inside, open_ = self.inside, self.open
        last = -1
        for number, line in enumerate(self.lines):
            bare = line.lstrip(b" ")
            if not bare:
                continue
            if number in inside or bare[0] == 1:
                last = number
                continue
            indent = len(line) - len(bare)
            if self.plain is not None or (open_ and open_[-1].indent >= indent):
                self._close(indent, last, number)
            if self.fresh is not None:
                self._enter(number, indent, bare)
            last = number
            if b"import" in line and _IMPORTS.match(line):
                self.imports.append(number)
            if head := _HEAD.match(line):
                self._begin(number, indent, head)
        self._close(-1, last, len(self.lines))
        self.found.sort(key=lambda item: item[:2])
        return [definition for _, _, definition in self.found]

    def _close(self, indent: int, last: int, following: int) -> None:
        """End what a line with this indentation ends."""
        if self.plain is not None:
            self.found.append(self._assignment(*self.plain, last))
            self.plain = None
        while self.open and self.open[-1].indent >= indent:
            self.found.append(self._definition(self.open.pop(), last, following))

    def _enter(self, number: int, indent: int, bare: bytes) -> None:
        """The first line of a body, or the line behind a definition that has none."""
        fresh, self.fresh = self.fresh, None
        if fresh is not None and self.open and self.open[-1] is fresh:
            fresh.body = indent
            fresh.end = self.starts[number] + indent
            fresh.doc = self._string(fresh.end) if bare[0] in b"\x02rRuUbB" else b""

    def _begin(self, number: int, indent: int, head: re.Match[bytes]) -> None:
        """A line that may begin a definition: a class or function, a decorator, an assignment."""
        if head[3]:
            self.decorators.append(number)
            if self.decorated < 0:
                self.decorated = number
            return
        outer = self.open[-1] if self.open else None
        if head[2]:
            kind = "class" if head[1] == b"class" else "function"
            self.fresh = fresh = _Open(head[2].decode("utf-8", "replace"), kind, outer, indent)
            fresh.line, fresh.first = number, number if self.decorated < 0 else self.decorated
            fresh.start = self.starts[number] + indent
            self.open.append(fresh)
            if kind == "class":
                self.bases.append((self.starts[number] + head.end(2), number))
        elif head[4] not in _KEYWORDS and (
            (outer is None and indent == 0)
            or (outer is not None and outer.kind == "class" and outer.body == indent)
        ):
            name = head[4].decode("utf-8", "replace")
            kind, owner = ("field", f"{outer.qualified}.") if outer else ("variable", "")
            self.plain = (name, f"{owner}{name}", number, indent)
            if kind == "field" and outer is not None and outer.line == number:
                raise _Odd
        self.decorated = -1

    def _assignment(
        self, name: str, qualified: str, number: int, indent: int, last: int
    ) -> tuple[int, int, Definition]:
        start = self.starts[number] + indent
        line = self.lines[number] if last > number else self.lines[number].rstrip(b" ")
        head = self.data[start : self.starts[number] + len(line)]
        kind = "field" if "." in qualified else "variable"
        signature = signature_of(head[:2000])
        made = Definition(name, qualified, kind, number + 1, last + 1, number + 1, signature, "")
        return start, 0, made

    def _definition(self, item: _Open, last: int, following: int) -> tuple[int, int, Definition]:
        if item.body < 0:  # `def f(): ...` on one line
            item.end = self._after_colon(item)
            item.doc = self._string(item.end) if self.text[item.end : item.end + 1] == _FILL else b""
        doc = item.doc or self._comment(item.first)
        signature = signature_of(self.data[item.start : min(item.end, item.start + 2000)])
        kind = item.kind
        made = Definition(
            *(item.name, item.qualified, kind, item.first + 1, last + 1, item.line + 1),
            *(signature, first_line_of(doc)),
        )
        return self.starts[item.first], -last, made

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
        for number in self.imports:
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
