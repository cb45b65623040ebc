"""Matching whole lines whose indentation differs, and indenting the new text as the file does."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import gcd

from kimi_tools.edit import fold
from kimi_tools.workspace.content import Splice

_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line: its start in the text, itself, its end, and what it says without the space around it."""

    start: int
    text: str
    end: str
    key: str

    @property
    def indent(self) -> str:
        return indent_of(self.text)


def by_indentation(text: str, old: str, new: str, newline: str) -> list[Splice]:
    """A splice for every run of whole lines that says what `old` says, where its indentation maps
    consistently onto the file's: one indentation always becomes the same other one."""
    needle = list(_lines(old))
    wanted = [line.key for line in needle]
    if not any(wanted):
        return []
    lines = list(_lines(text))
    keys = [line.key for line in lines]
    anchor = next(index for index, key in enumerate(wanted) if key)
    splices: list[Splice] = []
    for at, key in enumerate(keys):
        first = at - anchor
        if key != wanted[anchor] or first < 0 or keys[first : first + len(wanted)] != wanted:
            continue
        region = lines[first : first + len(needle)]
        pairs = [
            (ours.indent, theirs.indent) for ours, theirs in zip(needle, region, strict=True) if ours.key
        ]
        if mapping := mapped(pairs):
            splices.append(_splice(region, needle, old, new, newline, mapping))
    return splices


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    separator = "\r" if "\r" in text and "\n" not in text else "\n"
    while start < len(text):
        stop = text.find(separator, start) + 1 or len(text)
        whole = text[start:stop]
        body = whole.rstrip("\r\n")
        yield _Line(start, body, whole[len(body) :], fold.same_length(body).strip())
        start = stop


def indent_of(line: str) -> str:
    """The blanks and tabs that a line begins with."""
    match = _INDENT.match(line)
    return match[0] if match else ""


def mapped(pairs: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """From the needle's indentations to the file's; None when they contradict or cross each other."""
    mapping: dict[str, str] = {}
    for ours, theirs in pairs:
        if mapping.setdefault(ours, theirs) != theirs:
            return None
    widths = sorted((_width(ours), _width(theirs)) for ours, theirs in mapping.items())
    if any(theirs > deeper for (_, theirs), (_, deeper) in pairwise(widths)):
        return None
    return mapping


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def _splice(
    region: Sequence[_Line],
    needle: Sequence[_Line],
    old: str,
    new: str,
    newline: str,
    mapping: dict[str, str],
) -> Splice:
    whole = old.endswith(("\n", "\r"))
    fresh = list(_lines(new))
    pieces: list[str] = []
    matcher = difflib.SequenceMatcher(
        None, [line.text.rstrip() for line in needle], [line.text.rstrip() for line in fresh], autojunk=False
    )
    for kind, o_from, o_to, n_from, n_to in matcher.get_opcodes():
        if kind == "equal":
            pieces += [line.text + (line.end or newline) for line in region[o_from:o_to]]
        else:
            pieces += [indented(line.text, mapping) + newline for line in fresh[n_from:n_to]]
    body = "".join(pieces)
    last = region[-1]
    if not new.endswith(("\n", "\r")) or (whole and not last.end):
        body = re.sub(r"(\r\n|\n|\r)\Z", "", body)
    end = last.start + len(last.text) + (len(last.end) if whole else 0)
    return Splice(region[0].start, end, body)


def indented(line: str, mapping: dict[str, str]) -> str:
    """A line of the new text with the file's indentation."""
    indent = indent_of(line)
    return _mapped(indent, mapping) + line[len(indent) :] if line.strip() else line


def _mapped(indent: str, mapping: dict[str, str]) -> str:
    """The file's indentation for one of the new text: known, or counted in levels from the nearest known."""
    if indent in mapping:
        return mapping[indent]
    known = min(mapping, key=lambda ours: (abs(_width(indent) - _width(ours)), _width(ours)))
    theirs = mapping[known]
    away = abs(_width(indent) - _width(known))
    step, unit = _units(mapping, away)
    levels, rest = divmod(away, step)
    if _width(indent) < _width(known):
        return _head(theirs, max(0, _width(theirs) - levels * _width(unit) - rest))
    return theirs + unit * levels + " " * rest


def _units(mapping: dict[str, str], away: int) -> tuple[int, str]:
    """One level of indentation: its width in the needle, and its characters in the file."""
    ours = _step([_width(indent) for indent in mapping])
    theirs = _step([_width(indent) for indent in mapping.values()])
    if any("\t" in indent for indent in mapping.values()):
        return ours or next((width for width in (4, 2) if away % width == 0), 1), "\t"
    if ours and theirs:
        return ours, " " * theirs
    return 1, " "


def _step(widths: Sequence[int]) -> int:
    low = min(widths)
    return reduce(gcd, [width - low for width in widths if width > low], 0)


def _head(indent: str, width: int) -> str:
    while indent and _width(indent) > width:
        indent = indent[:-1]
    return indent
