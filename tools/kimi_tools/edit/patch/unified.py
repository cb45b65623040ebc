"""Unified diffs, as diff, git and models write them.

Kept to: git's extended headers and quoting (git-diff(1)), `\\ No newline at end of file`, `/dev/null`.
Forgiven, because models do it: wrong line numbers and counts in `@@`, none at all, a kept empty line written
without its space, CRLF around the patch, text before and between files.
"""

import re
from dataclasses import dataclass, field

from kimi_tools.edit.patch.hunks import FilePatch, Hunk, Line
from kimi_tools.errors import BadArguments

_NUMBERS = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_PREFIXES = {("a/", "b/"), ("i/", "w/"), ("c/", "i/"), ("c/", "w/"), ("o/", "w/")}
_EXECUTABLE = {"100755": True, "100644": False, "100664": False}
_NOTHING = "/dev/null"


def parse(text: str) -> list[FilePatch]:
    """The files of a unified diff. Raises `BadArguments`."""
    reader = _Reader(text.split("\n"))
    files: list[FilePatch] = []
    while not reader.done():
        line = reader.line()
        if line.startswith("diff --git "):
            files.append(_git_section(reader))
        elif reader.at_file_header():
            header = _Header(*reader.file_header())
            files.append(_file(header, _hunks(reader)))
        elif line.startswith("@@"):
            raise BadArguments(
                f"Line {reader.at + 1} of the patch: a hunk without a file; put '--- a/path' and "
                "'+++ b/path' before it."
            )
        else:
            reader.at += 1
    return files


@dataclass(slots=True)
class _Header:
    """What stands before a file's hunks."""

    old: str
    new: str
    flags: dict[str, str] = field(default_factory=lambda: dict[str, str]())


class _Reader:
    """The lines of the patch, and how far it has been read."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def done(self) -> bool:
        return self.at >= len(self.lines)

    def raw(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.lines[index] if index < len(self.lines) else ""

    def line(self, ahead: int = 0) -> str:
        return self.raw(ahead).removesuffix("\r")

    def at_file_header(self) -> bool:
        return self.line().startswith("--- ") and self.line(1).startswith("+++ ")

    def file_header(self) -> tuple[str, str]:
        old, new = _name(self.line()[4:]), _name(self.line(1)[4:])
        self.at += 2
        return old, new

    def at_boundary(self) -> bool:
        """Whether what comes cannot be a line of a hunk."""
        line = self.line()
        if line.startswith(("diff --git ", "@@", "Index: ")):
            return True
        return self.at_file_header() and (self.line(2).startswith("@@") or self.at + 2 >= len(self.lines))


def _git_section(reader: _Reader) -> FilePatch:
    first = reader.at + 1
    header = _Header(*_git_names(reader.line()[len("diff --git ") :]))
    reader.at += 1
    while not reader.done() and not reader.line().startswith(("diff --git ", "@@")):
        line = reader.line()
        if reader.at_file_header():
            header.old, header.new = reader.file_header()
            break
        if line.startswith(("GIT binary patch", "Binary files ")):
            raise BadArguments(
                f"Line {reader.at + 1} of the patch: binary patches are not applied; nothing changed."
            )
        match = re.match(
            r"(old mode|new mode|new file mode|deleted file mode|rename from|rename to|copy from|copy to) (.+)",
            line,
        )
        if match:
            header.flags[match[1]] = match[2]
        elif not line.startswith(("index ", "similarity ", "dissimilarity ")):
            break
        reader.at += 1
    if not header.old and not header.new and not header.flags:
        raise BadArguments(f"Line {first} of the patch: the file names cannot be read.")
    return _file(header, _hunks(reader))


def _git_names(rest: str) -> tuple[str, str]:
    """The two names of a `diff --git` line; only needed where no other header names the file."""
    quoted = _QUOTED.findall(rest)
    if len(quoted) == 2:
        return _unquote(quoted[0]), _unquote(quoted[1])
    for middle in range(len(rest)):
        if rest[middle] == " " and rest[:middle].partition("/")[2] == rest[middle + 1 :].partition("/")[2]:
            return rest[:middle], rest[middle + 1 :]
    return "", ""


def _name(text: str) -> str:
    """A name behind `---` or `+++`: unquoted, without a time stamp."""
    if match := _QUOTED.match(text):
        return _unquote(match[1])
    return text.partition("\t")[0].rstrip(" ")


def _unquote(text: str) -> str:
    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(one, text.encode()).decode("utf-8", "surrogateescape")


def _file(header: _Header, hunks: list[Hunk]) -> FilePatch:
    flags = header.flags
    old, new = _without_prefixes(header.old, header.new)
    if "rename from" in flags or "copy from" in flags:
        old = _name(flags.get("rename from") or flags["copy from"])
        new = _name(flags.get("rename to") or flags.get("copy to") or new)
    modes = [mode for name, mode in flags.items() if name.endswith("mode")]
    if any(mode not in _EXECUTABLE for mode in modes):
        raise BadArguments(f"'{new}': symlinks and submodules (mode {modes[-1]}) are not changed by patches.")
    mode = flags.get("new mode") or flags.get("new file mode")
    executable = _EXECUTABLE[mode] if mode else None
    if old == _NOTHING or "new file mode" in flags:
        return FilePatch("add", new, new, tuple(hunks), executable)
    if new == _NOTHING or "deleted file mode" in flags:
        return FilePatch("delete", old, old, tuple(hunks))
    if not hunks and old == new and executable is None:
        raise BadArguments(f"The patch of '{new}' has no hunks; add '@@ … @@' and its lines.")
    return FilePatch("update", old, new, tuple(hunks), executable, copy="copy to" in flags)


def _without_prefixes(old: str, new: str) -> tuple[str, str]:
    """The names without git's `a/` and `b/` (or `i/`, `w/`, `c/`, `o/`), where they are there."""
    for one, other in _PREFIXES:
        olds, news = old.startswith(one) or old == _NOTHING, new.startswith(other) or new == _NOTHING
        if olds and news:
            return (
                old if old == _NOTHING else old[2:],
                new if new == _NOTHING else new[2:],
            )
    return old, new


def _hunks(reader: _Reader) -> list[Hunk]:
    hunks: list[Hunk] = []
    while reader.line().startswith("@@") and not reader.done():
        header = reader.line()
        if header.startswith("@@@"):
            raise BadArguments(
                f"Line {reader.at + 1} of the patch: combined diffs of merges are not applied."
            )
        match = _NUMBERS.match(header)
        first = reader.at + 1
        reader.at += 1
        counts = (int(match[2] or 1), int(match[4] or 1)) if match else None
        lines = _hunk_lines(reader, counts)
        if not lines:
            raise BadArguments(f"Line {first} of the patch: the hunk '{header}' has no lines.")
        anchor = "" if match else header.strip("@ .…\t")
        start = int(match[1]) if match else None
        hunks.append(Hunk(match[0] if match else header, tuple(lines), start, (anchor,) if anchor else ()))
        while not reader.done() and not reader.line():
            reader.at += 1
    return hunks


def _hunk_lines(reader: _Reader, counts: tuple[int, int] | None) -> list[Line]:
    """The lines of one hunk: as many as its header counts, or, where that is wrong, as there are."""
    lines: list[Line] = []
    old, new = counts or (0, 0)
    while not reader.done():
        raw = reader.raw()
        counted = old > 0 or new > 0
        if raw.startswith("\\"):
            if lines:
                lines[-1] = Line(lines[-1].op, lines[-1].text, ended=False)
            reader.at += 1
            continue
        ends_with_two = (old, new) == (1, 1)  # then '---' and '+++' are the counted last lines
        if (reader.at_boundary() and not (ends_with_two and raw.startswith("--- "))) or (
            not counted and _ends_hunk(reader)
        ):
            break
        op = raw[:1]
        if op in ("", "\r"):
            if not _goes_on(reader) and not (counted and reader.at < len(reader.lines) - 1):
                break
            op, raw = " ", f" {raw}"
        if op not in (" ", "-", "+"):
            if counted or counts is None:
                raise BadArguments(
                    f"Line {reader.at + 1} of the patch: '{raw[:60]}' begins with none of ' ', '-', '+'."
                )
            break
        lines.append(Line(op, raw[1:]))
        old -= op != "+"
        new -= op != "-"
        reader.at += 1
    return lines


def _ends_hunk(reader: _Reader) -> bool:
    """Whether, all counted lines being read, this is something else: mail's signature, a header."""
    return reader.line() in ("--", "-- ") or reader.at_file_header()


def _goes_on(reader: _Reader) -> bool:
    """Whether a hunk's line stands behind these empty ones."""
    ahead = 0
    while reader.at + ahead < len(reader.lines) and not reader.line(ahead):
        ahead += 1
    line = reader.line(ahead)
    return line[:1] in (" ", "-", "+") and not (line.startswith("--- ") or line in ("--", "-- "))
