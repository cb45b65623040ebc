"""What changed between two versions of a file, for people and models to read."""

import difflib
from collections.abc import Sequence

from kimi_tools.errors import PathRefused
from kimi_tools.workspace.content import Content

_CONTEXT = 3
_MAX_COMPARED = 4_000
"""Lines between the first and the last difference that are compared one by one (difflib is quadratic)."""


def unified(path: str, before: bytes | None, after: bytes | None) -> str:
    """A unified diff with three lines of context, without a final newline; empty when nothing changed.

    For reading, not for `git apply`: where all lines of both versions end in CRLF the `\\r` is left out, else
    it is shown as ␍.
    """
    if before == after:
        return ""
    old_name = "/dev/null" if before is None else f"a/{path}"
    new_name = "/dev/null" if after is None else f"b/{path}"
    try:
        old = Content.decode(path, before or b"").text
        new = Content.decode(path, after or b"").text
    except PathRefused:
        return (
            f"--- {old_name}\n+++ {new_name}\n[binary: {len(before or b''):,} -> {len(after or b''):,} bytes]"
        )
    hunks = _hunks(_lines(old), _lines(new))
    mixed = any(text.count("\r") != text.count("\r\n") for text in (old, new)) or any(
        0 < text.count("\r\n") < text.count("\n") for text in (old, new)
    ) or ("\r\n" in old) != ("\r\n" in new)  # fmt: skip
    shown = [_shown(line, mixed and bool(old) and bool(new)) for line in hunks]
    return "\n".join([f"--- {old_name}", f"+++ {new_name}", *shown])


def _lines(text: str) -> list[str]:
    """Lines with their ends; only `\\n` ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _hunks(old: Sequence[str], new: Sequence[str]) -> list[str]:
    limit = min(len(old), len(new))
    head = next((index for index in range(limit) if old[index] != new[index]), limit)
    tail = next((index for index in range(limit - head) if old[-1 - index] != new[-1 - index]), limit - head)
    start = max(0, head - _CONTEXT)
    a = old[start : min(len(old), len(old) - tail + _CONTEXT)]
    b = new[start : min(len(new), len(new) - tail + _CONTEXT)]
    if len(a) + len(b) > _MAX_COMPARED:
        lead, end = head - start, min(tail, _CONTEXT)
        codes = [("equal", 0, lead, 0, lead), ("replace", lead, len(a) - end, lead, len(b) - end),
                 ("equal", len(a) - end, len(a), len(b) - end, len(b))]  # fmt: skip
        groups = [[code for code in codes if code[1] < code[2] or code[3] < code[4]]]
    else:
        groups = difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(_CONTEXT)
    lines: list[str] = []
    for group in groups:
        (_, a_first, _, b_first, _), (_, _, a_last, _, b_last) = group[0], group[-1]
        lines.append(
            f"@@ -{_range(start + a_first, start + a_last)} +{_range(start + b_first, start + b_last)} @@"
        )
        for kind, a_from, a_to, b_from, b_to in group:
            if kind == "equal":
                lines += [f" {line}" for line in a[a_from:a_to]]
            else:
                lines += [f"-{line}" for line in a[a_from:a_to]]
                lines += [f"+{line}" for line in b[b_from:b_to]]
    return lines


def _range(first: int, behind: int) -> str:
    """Lines `first` (0-based) up to `behind`, as hunk headers write them."""
    length = behind - first
    begin = first + (1 if length else 0)
    return f"{begin}" if length == 1 else f"{begin},{length}"


def _shown(line: str, mark_returns: bool) -> str:
    if line.startswith("@@"):
        return line
    ended = line.endswith("\n")
    text = line.removesuffix("\n")
    if text.endswith("\r"):
        text = text[:-1] + ("␍" if mark_returns else "")
    return text if ended else f"{text}\n\\ No newline at end of file"
