"""Finding the text to replace: exactly, else by a ladder of tolerant matches.

The first rung that matches anywhere decides, and its match must be unique (or `all` asked for):

1. exact;
2. line ends (CRLF, LF, CR) folded;
3. trailing spaces folded too;
4. look-alike quotes, dashes and spaces folded too, invisible characters skipped;
5. indentation: whole lines that agree but for an indentation that maps consistently onto the file's; the new
   text is indented by the same map.

If none matches, the same rungs are tried with what models are known to do to text undone: hidden characters
written as ⟨U+200B⟩ and line numbers copied from `read_file`, and `\\n` written for a line break. On the
tolerant rungs, whatever `old` and `new` have in common keeps the file's own characters.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kimi_tools.edit import fold
from kimi_tools.edit.indent import by_indentation
from kimi_tools.workspace.content import Splice

EXACT = "exactly"

_LEVELS = (
    (fold.LINE_ENDS, "ignoring line ends"),
    (fold.TRAILING_SPACE, "ignoring trailing spaces"),
    (fold.LOOK_ALIKES, "ignoring look-alike characters"),
)
_NUMBERED = re.compile(r"^ *\d+(?:  |\t|→|\| ?)", re.MULTILINE)
_MARKER = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")
_ESCAPE = re.compile(r"\\([nrt\"'\\])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_MAX_LINE = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """The rung that matched, and a splice for every place, in order; places may overlap."""

    rung: str
    splices: tuple[Splice, ...]

    def apart(self) -> "Found":
        """Without the places that overlap an earlier one."""
        kept: list[Splice] = []
        for splice in self.splices:
            if not kept or splice.start >= kept[-1].end:
                kept.append(splice)
        return Found(self.rung, tuple(kept))


def find(text: str, old: str, new: str, newline: str) -> Found | None:
    """Every place of `old` on the first rung that has one, each with what comes in its place.

    `newline` is what line breaks of `new` become, unless `old` itself holds a `\\r`.
    """
    for how, variant in _variants(old, new):
        found = _climb(text, *variant, newline)
        if found:
            rung = how if found.rung == EXACT else f"{how}, {found.rung}"
            return Found(rung, found.splices) if how else found
    return None


def _variants(old: str, new: str) -> Iterator[tuple[str, tuple[str, str]]]:
    yield "", (old, new)
    if _MARKER.search(old):
        yield "with hidden characters", (_unmark(old), _unmark(new))
    lines = old.removesuffix("\n").split("\n")
    if all(_NUMBERED.match(line) for line in lines if line.strip()):
        yield "without line numbers", (_NUMBERED.sub("", old), _NUMBERED.sub("", new))
    if _ESCAPE.search(old):
        yield "reading escapes", (_unescape(old), _unescape(new))


def _unmark(text: str) -> str:
    return _MARKER.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def _climb(text: str, old: str, new: str, newline: str) -> Found | None:
    if places := _places(text, old):
        new = new if "\r" in old else _with_line_ends(new, newline)
        return Found(EXACT, tuple(Splice(start, start + len(old), new) for start in places))
    if not old.strip():
        return None
    for level, rung in _LEVELS:
        folded, needle = fold.fold(text, level), fold.fold(old, level).text
        if places := _places(folded.text, needle):
            splices = [_merged(text, folded, start, needle, new, level, newline) for start in places]
            return Found(rung, tuple(splices))
    if not text.endswith(("\n", "\r")) and old.endswith("\n") and text.endswith(old.rstrip("\r\n")):
        whole = old.rstrip("\r\n")
        last = Splice(len(text) - len(whole), len(text), _with_line_ends(new.rstrip("\r\n"), newline))
        return Found("ignoring the final line end", (last,))
    if splices := by_indentation(text, old, new, newline):
        return Found("ignoring indentation", tuple(splices))
    return None


def _places(text: str, needle: str) -> list[int]:
    """Every index where the needle occurs, overlaps included."""
    places: list[int] = []
    at = text.find(needle)
    while at >= 0:
        places.append(at)
        at = text.find(needle, at + 1)
    return places


def _with_line_ends(text: str, newline: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", newline)


def _merged(
    text: str, folded: fold.Folded, start: int, old: str, new: str, level: int, newline: str
) -> Splice:
    """The splice for one place: lines that `old` and `new` share are taken from the file as they are."""
    begin, end = folded.span(start, start + len(old))

    def original(first: int, last: int) -> str:
        at, to = folded.span(start + first, start + last)
        return text[max(begin, at) : min(end, to)] if to > at else ""

    old_lines = _lines(old)
    new_lines = _lines(new.replace("\r\n", "\n"))
    starts = [0]
    for line in old_lines:
        starts.append(starts[-1] + len(line))
    keys = [fold.fold(line, level).text for line in new_lines]
    pieces: list[str] = []
    matcher = difflib.SequenceMatcher(None, old_lines, keys, autojunk=False)
    for kind, o_from, o_to, n_from, n_to in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(original(starts[o_from], starts[o_to]))
            continue
        stale, fresh = "".join(old_lines[o_from:o_to]), "".join(new_lines[n_from:n_to])
        if level == fold.LOOK_ALIKES and len(stale) + len(fresh) <= _MAX_LINE:
            pieces += _letters(stale, fresh, starts[o_from], original, newline)
        else:
            pieces.append(fresh.replace("\n", newline))
    return Splice(begin, end, "".join(pieces))


def _lines(text: str) -> list[str]:
    """Lines with their `\n`; no other character ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _letters(
    stale: str, fresh: str, base: int, original: Callable[[int, int], str], newline: str
) -> Iterator[str]:
    """The new text with the file's own character wherever old and new agree."""
    matcher = difflib.SequenceMatcher(None, stale, fold.same_length(fresh), autojunk=False)
    for kind, o_from, o_to, n_from, n_to in matcher.get_opcodes():
        if kind == "equal":
            yield original(base + o_from, base + o_to)
        else:
            yield fresh[n_from:n_to].replace("\n", newline)
