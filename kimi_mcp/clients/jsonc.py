"""Changing one member of a JSON file, comments and all the rest kept byte for byte.

Understands JSON with comments and trailing commas (VS Code, Zed, opencode). Nothing is parsed into a tree and
written back: the place of the member is found in the text, and only its own characters change.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from kimi_tools.errors import Conflict

_SKIP = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_COMMENT = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|,(?=\s*[}\]])')
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\n]*|/\*(?:(?!\*/)[^\n])*\*/)?[ \t]*(?=\r?\n)")
"""Blanks and one comment, where nothing else stands before the line's end."""

_SCALAR = re.compile(r"[^\s,\]}/]+")
_DEEPEST = 200


@dataclass(slots=True)
class _Object:
    """Where an object stands: `start` at its brace, `end` behind the closing one; its members in order."""

    start: int
    end: int
    members: list["_Member"]

    def last(self, name: str) -> "_Member | None":
        """The member of a name; the last of several, because that is the one that readers of JSON keep."""
        return next((member for member in reversed(self.members) if member.name == name), None)


@dataclass(slots=True)
class _Member:
    name: str
    start: int
    value: int
    end: int
    inner: _Object | None


def read(text: str) -> Any:
    """The value of a JSON text with comments. Raises `Conflict` with the line of what is wrong."""
    return {} if _blank(text) else json.loads(_plain(text))


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """The text with the member at `path` set to `value`; objects on the way are made.

    A new member goes behind the others, indented as they are. Raises `Conflict` when the text is not such JSON
    or something on the way is not an object.
    """
    if _blank(text):
        text = ("\ufeff" if text.startswith("\ufeff") else "") + "{\n}\n"
    scanner = _Scanner(text)
    here = scanner.root()
    unit = _unit(text, here)
    for depth, name in enumerate(path):
        member = here.last(name)
        if member is None:
            for wrap in reversed(path[depth + 1 :]):
                value = {wrap: value}
            return _inserted(text, here, name, value, unit)
        if depth == len(path) - 1:
            written = _written(value, unit, _indent_at(text, member.start), _newline(text))
            return text[: member.value] + written + text[member.end :]
        if member.inner is None:
            raise Conflict(f"'{'.'.join(path[: depth + 1])}' is not an object; correct the file by hand.")
        here = member.inner
    return text


def remove_member(text: str, path: Sequence[str]) -> str:
    """The text without the member at `path`, and without the comma that goes with it; the same when absent."""
    if _blank(text):
        return text
    here = _Scanner(text).root()
    for name in path[:-1]:
        member = here.last(name)
        if member is None or member.inner is None:
            return text
        here = member.inner
    member = here.last(path[-1])
    if member is None:
        return text
    rest = _without(text, here, here.members.index(member))
    return remove_member(rest, path)  # one of the same name may have stood before it


def _without(text: str, here: _Object, index: int) -> str:
    """Without one member: its own comma goes, or for want of one that before it; comments stay."""
    member = here.members[index]
    start = here.members[index - 1].end if index else here.start + 1
    before, rest = text[start : member.start], text[member.end :]
    comma = _behind(text, member.end)
    if text[comma : comma + 1] == ",":
        rest = text[member.end : comma] + text[comma + 1 :]
    elif index:
        at = _behind(text, start)
        before = text[start:at] + text[at + 1 : member.start]
    before = before.rstrip(" \t\r\n")
    if "//" in before.rpartition("\n")[2] and not re.match(r"[ \t]*\r?\n", rest):
        before += _newline(text)  # what follows must not fall into the comment
    if not (index or before or rest.lstrip()[:1] != "}"):
        rest = rest.lstrip()
    return text[:start] + before + rest


def _behind(text: str, at: int) -> int:
    """Where the blanks and comments that begin at `at` end."""
    found = _SKIP.match(text, at)
    return found.end() if found else at


class _Scanner:
    """Finds where members stand; raises `Conflict` with the line of the first thing that is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 1 if text.startswith("\ufeff") else 0

    def root(self) -> _Object:
        """The one object of the file."""
        self._skip()
        if self._peek() != "{":
            raise self._wrong("an object was expected")
        found = self._object(0)
        self._skip()
        if self.at != len(self.text):
            raise self._wrong("nothing was expected behind the object")
        return found

    def _object(self, depth: int) -> _Object:
        if depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        start = self.at
        self.at += 1
        members: list[_Member] = []
        while True:
            self._skip()
            if self._peek() == "}":
                self.at += 1
                return _Object(start, self.at, members)
            at = self.at
            name = cast(str, json.loads(self._string()))
            self._skip()
            self._take(":")
            self._skip()
            value = self.at
            inner = self._value(depth + 1)
            members.append(_Member(name, at, value, self.at, inner))
            self._separator("}")

    def _value(self, depth: int) -> _Object | None:
        match self._peek():
            case "{":
                return self._object(depth)
            case "[":
                self._array(depth)
            case '"':
                self._string()
            case _:
                found = _SCALAR.match(self.text, self.at)
                if found is None:
                    raise self._wrong("a value was expected")
                try:
                    json.loads(found.group())
                except ValueError:
                    raise self._wrong(f"'{found.group()[:20]}' is not a value") from None
                self.at = found.end()
        return None

    def _array(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        self.at += 1
        while True:
            self._skip()
            if self._peek() == "]":
                self.at += 1
                return
            self._value(depth + 1)
            self._separator("]")

    def _separator(self, closing: str) -> None:
        self._skip()
        if self._peek() == ",":
            self.at += 1
        elif self._peek() != closing:
            raise self._wrong(f"a comma or '{closing}' was expected")

    def _string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise self._wrong("a string was expected")
        self.at = found.end()
        return found.group()

    def _take(self, mark: str) -> None:
        if self._peek() != mark:
            raise self._wrong(f"'{mark}' was expected")
        self.at += 1

    def _skip(self) -> None:
        if found := _SKIP.match(self.text, self.at):
            self.at = found.end()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _wrong(self, what: str) -> Conflict:
        line = self.text.count("\n", 0, self.at) + 1
        return Conflict(f"line {line}: {what}; correct the file by hand.")


def _blank(text: str) -> bool:
    return not text.removeprefix("\ufeff").strip()


def _plain(text: str) -> str:
    """The text without comments and trailing commas; raises `Conflict` where it is not such JSON."""
    _Scanner(text).root()
    bare = _COMMENT.sub(lambda found: found.group(1) or " ", text.removeprefix("\ufeff"))
    return _COMMA.sub(lambda found: found.group(1) or "", bare)


def _inserted(text: str, into: _Object, name: str, value: Any, unit: str) -> str:
    newline = _newline(text)
    outer = _indent_at(text, into.start)
    inner = _indent_at(text, into.members[-1].start) if _spread(text, into) else outer + unit
    written = f"{json.dumps(name)}: {_written(value, unit, inner, newline)}"
    if not into.members:
        return f"{text[: into.start]}{{{newline}{inner}{written}{newline}{outer}}}{text[into.end :]}"
    last = into.members[-1].end
    after = _behind(text, last)
    trailing = text[after] == ","
    if trailing:
        last = after + 1
    rest = _REST_OF_LINE.match(text, last)
    at = rest.end() if rest else last
    comma = "" if trailing else ","
    end = "," if trailing else ""
    return f"{text[:last]}{comma}{text[last:at]}{newline}{inner}{written}{end}{text[at:]}"


def _written(value: Any, unit: str, indent: str, newline: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return newline.join([lines[0], *(indent + line for line in lines[1:])])


def _spread(text: str, found: _Object) -> bool:
    """Whether the object has its members on lines of their own."""
    return bool(found.members) and "\n" in text[found.start : found.members[-1].start]


def _unit(text: str, root: _Object) -> str:
    indent = _indent_at(text, root.members[0].start) if _spread(text, root) else ""
    return indent or "  "


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))].lstrip("\ufeff")


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
