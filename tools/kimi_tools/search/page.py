"""One page of matches: reading the lines of the files that the page covers, and laying them out."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kimi_tools.clip import weight
from kimi_tools.ripgrep import FILES_AT_ONCE, ripgrep_files
from kimi_tools.tool import Data
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

LINE_CHARACTERS = 240
"""A line longer than this is cut around its first match."""

_BEFORE_MATCH = 80
_MULTILINE_LINES = 12
_OUTPUT_BYTES = 16 * 1024 * 1024


class HitLine(Data):
    """One line: its number (1-based), its text (cut when long), and whether it matches or is context."""

    number: int
    text: str
    match: bool


class FileHits(Data):
    """The shown lines of one file that has `matches` in all."""

    path: str
    matches: int
    lines: list[HitLine]


@dataclass(frozen=True, slots=True)
class Window:
    """Which matches to show: `limit` of them behind the first `offset`, within `room` JSON characters.

    `counts` are the matches per file in order. In multiline mode a match is counted, else a matching line.
    """

    counts: Sequence[tuple[str, int]]
    offset: int
    limit: int
    context: int
    multiline: bool
    room: int

    def files(self) -> Iterator[tuple[str, int, int, int]]:
        """The files covered: path, matches in all, matches to skip, matches to take."""
        passed, wanted = 0, self.limit
        for path, count in self.counts:
            skip = max(0, self.offset - passed)
            passed += count
            if skip >= count:
                continue
            take = min(count - skip, wanted)
            yield path, count, skip, take
            wanted -= take
            if wanted <= 0:
                return


@dataclass(slots=True)
class Page:
    """The laid out lines, the same as data, and the number of the last match shown."""

    end: int
    room: int
    lines: list[str] = field(default_factory=list[str])
    files: list[FileHits] = field(default_factory=list[FileHits])

    def add(self, line: str) -> bool:
        """Take a line if there is room for it; the first matches of a page always have room."""
        cost = weight(line) + 2
        if cost > self.room and len(self.lines) > 1:
            return False
        self.lines.append(line)
        self.room -= cost
        return True


@dataclass(frozen=True, slots=True)
class _Found:
    """A message of rg: a matching (or context) line, and how many matches it stands for."""

    number: int
    text: str
    start: int
    matches: int


async def collect(workspace: Workspace, window: Window, options: Sequence[str], timeout: float) -> Page:
    """Read and lay out the window's matches, until the room is used up."""
    page = Page(window.offset, window.room)
    wanted = list(window.files())
    for first in range(0, len(wanted), FILES_AT_ONCE):
        batch = wanted[first : first + FILES_AT_ONCE]
        found, complete = await _read(workspace, batch, window, options, timeout)
        for path, count, skip, take in batch:
            if path not in found and not complete:
                if not page.lines:
                    page.add(f"{reveal_line(path)}: a line too long to show")
                    page.end += 1
                return page
            if not _lay_out(page, window, (path, count, skip, take), found.get(path, [])):
                return page
    return page


async def _read(
    workspace: Workspace,
    batch: Sequence[tuple[str, int, int, int]],
    window: Window,
    options: Sequence[str],
    timeout: float,
) -> tuple[dict[str, list[_Found]], bool]:
    """The lines of a batch's files, and whether all of rg's answer fitted."""
    most = max(skip + take for _, _, skip, take in batch)
    done, paths = await ripgrep_files(
        workspace,
        ["--json", f"--max-count={most}", f"--context={window.context}", *options],
        [path for path, *_ in batch],
        timeout=timeout,
        output_bytes=_OUTPUT_BYTES,
    )
    if done is None:
        return {}, True
    found: dict[str, list[_Found]] = {}
    complete = False
    for line in done.stdout.split(b"\n"):
        if line.startswith((b'{"type":"match"', b'{"type":"context"')):
            try:
                message = json.loads(line)
            except ValueError:  # the line at which the answer was cut
                break
            found.setdefault(paths[message["data"]["path"]["text"]], []).append(_message(message, window))
        complete = complete or line.startswith((b'{"data"', b'{"type":"summary"'))
    return found, complete


def _message(message: dict[str, Any], window: Window) -> _Found:
    data = message["data"]
    raw = _bytes(data["lines"])
    spans = data["submatches"]
    start = len(raw[: spans[0]["start"]].decode("utf-8", "replace")) if spans else 0
    matches = 0
    if message["type"] == "match":
        matches = len(spans) if window.multiline else 1
    return _Found(data["line_number"], _text(raw), start, matches)


def _bytes(field: dict[str, str]) -> bytes:
    return field["text"].encode() if "text" in field else base64.b64decode(field["bytes"])


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _lay_out(page: Page, window: Window, part: tuple[str, int, int, int], found: Sequence[_Found]) -> bool:
    """Add one file's lines; whether the page has room for more."""
    path, count, skip, take = part
    shown: list[HitLine] = []
    passed = 0
    title = f"{reveal_line(path)} ({count})"
    for line in _kept(found, skip, take, window.context):
        text, more = _cut(line, window.multiline)
        mark = ":" if line.matches else "-"
        gap = "  --\n" if window.context and shown and line.number > shown[-1].number + 1 else ""
        row = f"{gap}  {line.number}{mark} {text}{more}"
        if not page.add(row if shown else f"{title}\n{row}"):
            break
        shown.append(HitLine(number=line.number, text=text, match=bool(line.matches)))
        passed += line.matches
    else:
        passed = take  # a file that changed meanwhile may have fewer: they are passed, not asked for again
    page.end += min(passed, take)
    if shown:
        page.files.append(FileHits(path=reveal_line(path), matches=count, lines=shown))
    return passed >= take


def _kept(found: Sequence[_Found], skip: int, take: int, context: int) -> list[_Found]:
    """The lines of the matches behind `skip`, with the context that is near to one of them."""
    kept: list[_Found] = []
    passed = 0
    for line in found:
        if line.matches:
            passed += line.matches
            if passed > skip and passed - line.matches < skip + take:
                kept.append(line)
    numbers = [line.number for line in kept]
    around = [
        line
        for line in found
        if not line.matches and any(abs(line.number - number) <= context for number in numbers)
    ]
    return sorted([*kept, *around], key=lambda line: line.number)


def _cut(line: _Found, multiline: bool) -> tuple[str, str]:
    """A line's text around its first match, and a note of what is left out."""
    text = line.text.rstrip("\r\n")
    if multiline and "\n" in text:
        lines = text.split("\n")
        rest = len(lines) - _MULTILINE_LINES
        shown = "\n     ".join(
            reveal_line(piece.rstrip("\r"))[:LINE_CHARACTERS] for piece in lines[:_MULTILINE_LINES]
        )
        return shown, f"\n     [{rest} more lines of this match]" if rest > 0 else ""
    if len(text) <= LINE_CHARACTERS:
        return reveal_line(text), ""
    start = max(0, min(line.start - _BEFORE_MATCH, len(text) - LINE_CHARACTERS))
    piece = text[start : start + LINE_CHARACTERS]
    return f"{'…' if start else ''}{reveal_line(piece)}", f"… [line of {len(text):,} characters]"
