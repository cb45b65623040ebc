"""Where the hunks of a patch go in a file that may have moved on, and what the file becomes.

A hunk is looked for first as it is, then with line ends, trailing spaces, look-alike characters and
indentation folded away, then with one and with two of its outermost kept lines left out. On each rung it may
stand where the patch says (moved by as much as the hunk before it was), or in exactly one other place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kimi_tools.edit import fold
from kimi_tools.edit.indent import indent_of, indented, mapped
from kimi_tools.edit.nearest import explain
from kimi_tools.edit.patch.hunks import Hunk, Line
from kimi_tools.errors import TextNotFound, TextNotUnique
from kimi_tools.workspace import Content
from kimi_tools.workspace.content import Splice

Key = Callable[[str], str]

_MOST_FUZZ = 2


def _without_end(line: str) -> str:
    return line.rstrip("\r\n")


def _without_trailing(line: str) -> str:
    return line.rstrip()


def _folded(line: str) -> str:
    return fold.same_length(line).rstrip()


def _stripped(line: str) -> str:
    return fold.same_length(line).strip()


_RUNGS: tuple[tuple[Key, str], ...] = (
    (str, ""),
    (_without_end, "line ends ignored"),
    (_without_trailing, "trailing spaces ignored"),
    (_folded, "look-alike characters ignored"),
    (_stripped, "indentation ignored"),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A hunk and the file's line (0-based) where it goes. `lines`: what is left of it after fuzz.

    `moved`: by how many lines it stands elsewhere than the patch says (0 where the patch does not say).
    """

    hunk: Hunk
    at: int
    lines: tuple[Line, ...]
    rung: str
    fuzz: int
    moved: int
    mapping: dict[str, str] | None = None

    @property
    def end(self) -> int:
        """The line behind it."""
        return self.at + sum(line.op != "+" for line in self.lines)

    @property
    def note(self) -> str:
        """How it was placed, if not exactly where and as the patch says."""
        notes = [self.rung] if self.rung else []
        if self.hunk.start is not None and self.at and not self.hunk.old:
            notes.append("placed by its line number alone")
        if self.fuzz:
            notes.append(f"{self.fuzz} kept lines at its edge ignored")
        if self.moved:
            notes.append(f"{abs(self.moved)} lines {'lower' if self.moved > 0 else 'higher'}")
        return ", ".join(notes)


@dataclass(slots=True)
class _File:
    """A file's lines, and what each rung makes of them, made when first asked for."""

    content: Content
    lines: list[str]
    made: dict[Key, list[str]] = field(default_factory=lambda: dict[Key, list[str]]())

    def keys(self, key: Key) -> list[str]:
        """Every line as a rung sees it."""
        if key not in self.made:
            self.made[key] = [key(line) for line in self.lines]
        return self.made[key]


def file_lines(text: str) -> list[str]:
    """The lines of a file with their ends; in a file without `\\n`, `\\r` ends them."""
    separator = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = [line + separator for line in text.split(separator)]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def place(content: Content, hunks: Sequence[Hunk]) -> list[Placed]:
    """A place for every hunk, in the order of the file; none overlap.

    Raises `TextNotFound` with the nearest lines, `TextNotUnique` with the lines that would fit.
    """
    file = _File(content, file_lines(content.text))
    placed: list[Placed] = []
    drift = 0
    for hunk in hunks:
        found = _find(file, hunk, placed, drift)
        if hunk.start is not None:
            drift = found.moved
        placed.append(found)
    return sorted(placed, key=lambda one: (one.at, one.end))


def _find(file: _File, hunk: Hunk, placed: Sequence[Placed], drift: int) -> Placed:
    expected = None if hunk.start is None else _index(hunk) + drift
    taken = [(one.at, one.end) for one in placed if one.end > one.at]
    after = max((one.end for one in placed), default=0)
    if not hunk.old:
        return _insertion(file, hunk, expected)
    for fuzz in range(_MOST_FUZZ + 1):
        for cut, kept in _cuts(hunk.lines, fuzz):
            for key, rung in _RUNGS:
                where = None if expected is None else expected + cut
                places = _places(file, kept, hunk, key, taken)
                if not places:
                    continue
                at = _choose(file, hunk, places, where, after)
                moved = at - cut - _index(hunk) if hunk.start is not None else 0
                return Placed(hunk, at, kept, rung, fuzz, moved, _mapping(file.lines, kept, at, key))
    raise TextNotFound(_not_found(file, hunk))


def _index(hunk: Hunk) -> int:
    """Where the patch says that the hunk begins, 0-based; an insertion's number is the line before it."""
    start = hunk.start or 0
    return start if not hunk.old else max(0, start - 1)


def _cuts(lines: tuple[Line, ...], fuzz: int) -> Iterator[tuple[int, tuple[Line, ...]]]:
    """The hunk without up to `fuzz` kept lines at each edge, and how many went at the front."""
    if not fuzz:
        yield 0, lines
        return
    front = next((index for index, line in enumerate(lines) if line.op != " "), len(lines))
    back = next((index for index, line in enumerate(reversed(lines)) if line.op != " "), len(lines))
    for head, tail in ((fuzz, fuzz), (0, fuzz), (fuzz, 0)):
        head, tail = min(head, front), min(tail, back)
        kept = lines[head : len(lines) - tail]
        if len(kept) < len(lines) and sum(line.op != "+" and bool(line.text.strip()) for line in kept) > 0:
            yield head, kept


def _places(
    file: _File, kept: Sequence[Line], hunk: Hunk, key: Key, taken: Sequence[tuple[int, int]]
) -> list[int]:
    """Every line where the hunk's old lines stand, under its anchors, clear of the hunks placed before."""
    old = [key(line.text + ("\n" if line.ended else "")) for line in kept if line.op != "+"]
    if not any(line.strip() for line in old) and key is not str:
        return []
    have, lines, size = file.keys(key), file.lines, len(old)
    found = [at for at in range(len(have) - size + 1) if have[at] == old[0] and have[at : at + size] == old]
    found = [at for at in found if not any(at < end and start < at + size for start, end in taken)]
    if key is _stripped:
        found = [at for at in found if _mapping(lines, kept, at, key)]
    if hunk.at_end and len(lines) - size in found:
        return [len(lines) - size]
    return _under_anchors(lines, found, hunk.anchors) if len(found) > 1 and hunk.anchors else found


def _under_anchors(lines: Sequence[str], found: Sequence[int], anchors: Sequence[str]) -> list[int]:
    """The first place behind each occurrence of the anchors; all places where they do not occur."""
    starts = [0]
    for anchor in anchors:
        wanted = _stripped(anchor)
        hits = [index for index, line in enumerate(lines) if _stripped(line) == wanted] or [
            index for index, line in enumerate(lines) if wanted in _stripped(line)
        ]
        if hits:
            starts = [hit for hit in hits if any(start <= hit for start in starts)]
    first = {next((at for at in found if at >= start), None) for start in starts}
    return sorted(at for at in first if at is not None) or list(found)


def _choose(file: _File, hunk: Hunk, places: list[int], expected: int | None, after: int) -> int:
    if expected is not None and expected in places:
        return expected
    behind = [at for at in places if at >= after]
    for choice in (places, behind):
        if len(choice) == 1:
            return choice[0]
    where = ", ".join(str(at + 1) for at in places[:10]) + (" …" if len(places) > 10 else "")
    raise TextNotUnique(
        f"{hunk.label} fits {len(places)} places in '{file.content.path}', at lines {where}; give it more kept "
        "lines, or the right line number. Nothing was changed."
    )


def _mapping(lines: Sequence[str], kept: Sequence[Line], at: int, key: Key) -> dict[str, str] | None:
    if key is not _stripped:
        return None
    old = [line.text for line in kept if line.op != "+"]
    pairs = zip(old, lines[at : at + len(old)], strict=True)
    return mapped((indent_of(ours), indent_of(theirs)) for ours, theirs in pairs if ours.strip())


def _insertion(file: _File, hunk: Hunk, expected: int | None) -> Placed:
    """A hunk that only adds: at the line that it names, behind its anchors, or at the end."""
    lines = file.lines
    if expected is not None:
        at = min(max(expected, 0), len(lines))
        return Placed(hunk, at, hunk.lines, "", 0, at - _index(hunk))
    if hunk.anchors:
        found = _under_anchors(lines, range(len(lines)), hunk.anchors)
        if not any(_stripped(hunk.anchors[-1]) in _stripped(lines[at]) for at in found):
            raise TextNotFound(
                f"The line '{hunk.anchors[-1]}' is not in '{file.content.path}'. Nothing was changed."
            )
        return Placed(hunk, _choose(file, hunk, found, None, 0) + 1, hunk.lines, "", 0, 0)
    return Placed(hunk, len(lines), hunk.lines, "", 0, 0)


def _not_found(file: _File, hunk: Hunk) -> str:
    plain = file.keys(_without_end)
    new = [line.text.rstrip("\r") for line in hunk.new]
    size = len(new)
    done = next((at for at in range(len(plain) - size + 1) if plain[at : at + size] == new), None)
    path = file.content.path
    if done is not None and any(line.op == "+" for line in hunk.lines):
        said = f"its result stands at line {done + 1} already, so it seems to be applied"
        return f"{hunk.label} does not fit '{path}': {said}. Nothing was changed."
    near = explain(file.content, [line.text.rstrip("\r") for line in hunk.old], "the patch's old lines")
    return f"{hunk.label} does not fit '{path}'; nothing was changed. {near}"


def splices(content: Content, placed: Sequence[Placed]) -> list[Splice]:
    """What the hunks change, as splices that touch no kept line."""
    lines = file_lines(content.text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found: list[Splice] = []
    for one in placed:
        at = one.at
        run: list[str] = []
        begin = at
        for line in one.lines:
            if line.op == "+":
                run.append(_added(content, one, line))
            elif line.op == "-":
                at += 1
            if line.op == " ":
                if run or at > begin:
                    found.append(Splice(starts[begin], starts[at], "".join(run)))
                at += 1
                begin, run = at, []
        if run or at > begin:
            found.append(Splice(starts[begin], starts[at], "".join(run)))
    return _keeping_final_end(content, found, placed)


def _added(content: Content, placed: Placed, line: Line) -> str:
    """An added line as it is written: literally where the hunk fits literally, else with the file's line end."""
    if not placed.rung and (placed.hunk.old or line.text.endswith("\r") or content.newline == "\n"):
        return line.text + ("\n" if line.ended else "")
    text = line.text.removesuffix("\r")
    text = indented(text, placed.mapping) if placed.mapping else text
    return text + (content.newline if line.ended else "")


def _keeping_final_end(content: Content, found: list[Splice], placed: Sequence[Placed]) -> list[Splice]:
    """Where the patch says nothing of a missing final line end, the file goes on without one."""
    text = content.text
    said = any(not line.ended for one in placed for line in one.hunk.lines)
    if not found or said or not text or text.endswith(("\n", "\r")) or found[-1].end < len(text):
        return found
    last = found[-1]
    new = last.text.removesuffix("\n").removesuffix("\r")
    if last.start == len(text) and last.text:
        new = content.newline + new
    return [*found[:-1], Splice(last.start, last.end, new)]
