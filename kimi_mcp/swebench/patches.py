"""What a unified diff touches, read from its headers alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAME = rf"(?:{_QUOTED}|[^\n\t]*?)"
_GIT = re.compile(rf'^diff --git (?P<a>{_QUOTED}|a/[^"\n]*?) (?P<b>{_QUOTED}|b/[^"\n]*)$')
_FILE = re.compile(rf"^(?:---|\+\+\+) (?P<name>{_NAME})(?:\t.*)?$")
_MOVE = re.compile(rf"^(?:rename|copy) (?:from|to) (?P<name>{_NAME})$")
_MODE = re.compile(r"^(?:new file|deleted file|new|old) mode (?P<mode>\d+)$|^index \S+ (?P<same>\d+)$")
_HUNK = re.compile(r"^@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
_LETTERS = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


@dataclass(slots=True)
class Touched:
    """One file of a diff. `paths`: its name before and after. `modes`: those that its headers tell.

    `created`, `deleted`, `binary`: as the headers say. `added` and `removed` are its lines without the sign.
    """

    paths: set[str]
    modes: set[str]
    added: list[str]
    removed: list[str]
    created: bool = False
    deleted: bool = False
    binary: bool = False


def files(patch: str) -> list[Touched]:
    """The files of a patch in its order; works for patches with and without `diff --git` lines."""
    found: list[Touched] = []
    for kind, text in _lines(patch):
        if kind == "git" or (kind == "---" and not (found and found[-1].paths and _open(found[-1]))):
            found.append(Touched(set(), set(), [], []))
        if not found:
            continue
        _take(found[-1], kind, text)
    return [file for file in found if file.paths]


def touched(patch: str) -> set[str]:
    """All paths that a patch touches, both names of what it renames."""
    return {path for file in files(patch) for path in file.paths}


def _open(file: Touched) -> bool:
    """Whether a `---` line still belongs to this file: it has had no content yet."""
    return not (file.added or file.removed or file.binary)


def _lines(patch: str) -> Iterator[tuple[str, str]]:
    """Header lines as (kind, text) and hunk lines as (sign, text); a hunk's own counts say where it ends."""
    old = new = 0
    for line in patch.split("\n"):
        if old > 0 or new > 0:
            sign = line[:1] or " "
            if sign in "+- ":
                old -= sign in "- "
                new -= sign in "+ "
                if sign in "+-":
                    yield sign, line[1:]
                continue
            if sign == "\\":
                continue
            old = new = 0
        if hunk := _HUNK.match(line):
            old, new = int(hunk["old"] or 1), int(hunk["new"] or 1)
        elif line.startswith("diff --git "):
            yield "git", line
        elif line.startswith(("--- ", "+++ ")):
            yield line[:3], line
        else:
            yield "header", line


def _take(file: Touched, kind: str, text: str) -> None:
    if kind == "+":
        file.added.append(text)
    elif kind == "-":
        file.removed.append(text)
    elif kind == "git" and (match := _GIT.match(text)):
        file.paths |= {_path(match["a"]), _path(match["b"])}
    elif kind in ("---", "+++") and (match := _FILE.match(text)):
        name = match["name"]
        if name != "/dev/null":
            file.paths.add(_path(name))
    elif kind == "header":
        _take_header(file, text)


def _take_header(file: Touched, text: str) -> None:
    if match := _MOVE.match(text):
        file.paths.add(_plain(match["name"]))
    elif match := _MODE.match(text):
        file.modes.add(match["mode"] or match["same"])
        file.created |= text.startswith("new file")
        file.deleted |= text.startswith("deleted file")
    elif text.startswith(("GIT binary patch", "Binary files ")):
        file.binary = True


def _path(name: str) -> str:
    """A name behind its `a/` or `b/`."""
    return re.sub(r"^[ab]/", "", _plain(name))


def _plain(name: str) -> str:
    """A name without git's quotes and escapes."""
    if not name.startswith('"'):
        return name
    raw = name[1:-1].encode()
    found = _ESCAPE.sub(
        lambda m: bytes([_LETTERS[m[1]] if m[1] in _LETTERS else int(m[1], 8) & 255]),
        raw,
    )
    return found.decode("utf-8", "replace")
