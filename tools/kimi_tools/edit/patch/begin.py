"""The `*** Begin Patch` form that OpenAI's models were trained on.

::

    *** Begin Patch
    *** Update File: src/a.py
    *** Move to: src/b.py
    @@ class A
    @@     def f(self):
     kept
    -removed
    +added
    *** Add File: c.py
    +its lines
    *** Delete File: d.py
    *** End Patch

Forgiven: line numbers in `@@`, missing begin and end lines, kept lines that are empty, added files without `+`.
"""

import re
from typing import cast

from kimi_tools.edit.patch.hunks import FilePatch, Hunk, Line, Op
from kimi_tools.errors import BadArguments

_HEADER = re.compile(r"\*\*\* (Update|Add|Delete) File: *(.+?)\s*$")
_MOVE = re.compile(r"\*\*\* Move to: *(.+?)\s*$")
_NUMBERS = re.compile(r"^@@ -\d+(,\d+)? \+\d+(,\d+)? @@")
_END_OF_FILE = "*** End of File"


def is_begin_form(text: str) -> bool:
    """Whether the text is in this form."""
    return bool(re.search(r"^\*\*\* (Begin Patch|(Update|Add|Delete) File: )", text, re.MULTILINE))


def parse(text: str) -> list[FilePatch]:
    """The files of the patch. Raises `BadArguments`."""
    sections: list[tuple[int, re.Match[str], list[str]]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if match := _HEADER.match(line):
            sections.append((number, match, []))
        elif line.startswith("*** End Patch"):
            break
        elif sections:
            sections[-1][2].append(raw)
        elif line.strip() and not line.startswith("*** Begin Patch"):
            raise BadArguments(f"Line {number} of the patch: '{line[:60]}' stands before any '*** … File:'.")
    return [_file(number, match[1], match[2], lines) for number, match, lines in sections]


def _file(number: int, verb: str, path: str, lines: list[str]) -> FilePatch:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    if verb == "Delete":
        if lines:
            raise BadArguments(f"Line {number + 1} of the patch: '*** Delete File' takes no lines.")
        return FilePatch("delete", path, path, ())
    if verb == "Add":
        plus = all(line.startswith("+") for line in lines if line.strip())
        added = [Line("+", line[1:] if plus else line) for line in lines]
        return FilePatch("add", path, path, (Hunk("its lines", tuple(added)),))
    target = path
    if lines and (move := _MOVE.match(lines[0].removesuffix("\r"))):
        target = move[1]
        lines = lines[1:]
        number += 1
    hunks = _hunks(number, lines)
    if not hunks and target == path:
        raise BadArguments(f"Line {number} of the patch: '*** Update File: {path}' has no lines.")
    return FilePatch("update", path, target, tuple(hunks))


def _hunks(number: int, lines: list[str]) -> list[Hunk]:
    hunks: list[Hunk] = []
    anchors: list[str] = []
    body: list[Line] = []
    at_end = False

    def close() -> None:
        if body:
            label = f"hunk {len(hunks) + 1}" + (f" (@@ {anchors[-1].strip()})" if anchors else "")
            hunks.append(Hunk(label, tuple(_without_empty_end(body)), None, tuple(anchors), at_end))
            anchors.clear()
            body.clear()

    for offset, raw in enumerate(lines, 1):
        line = raw.removesuffix("\r")
        if line.startswith("@@"):
            close()
            at_end = False
            anchor = _NUMBERS.sub("", line).strip("@").strip()
            if anchor:
                anchors.append(anchor)
        elif line == _END_OF_FILE:
            at_end = True
            close()
        elif raw[:1] in ("", "\r"):
            body.append(Line(" ", raw))
        elif raw[0] in " +-":
            body.append(Line(cast(Op, raw[0]), raw[1:]))
        else:
            raise BadArguments(
                f"Line {number + offset} of the patch: '{line[:60]}' begins with none of ' ', '-', '+'."
            )
    close()
    return hunks


def _without_empty_end(body: list[Line]) -> list[Line]:
    """Empty lines before the next `@@` separate hunks; they are no lines of the file."""
    end = len(body)
    while end > 1 and body[end - 1] == Line(" ", ""):
        end -= 1
    return body[:end]
