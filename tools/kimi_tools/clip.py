"""The one place that bounds text before a model reads it.

The bound counts the characters that the text takes inside a JSON string, because that is where clients
measure: Cline cuts a result in its middle when its JSON exceeds 8,000 characters (measured 2026-11-21),
so 7,500 leaves room for the frame around it.
"""

import json
import re
from collections.abc import Sequence

RESULT_CHARS = 7_500

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """What a terminal would show of a program's output, as text.

    Colours and other escape sequences are dropped, a line overwritten by carriage returns (progress bars) is
    its last state, and other control characters are written as `\\x..`.
    """
    text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def weight(text: str) -> int:
    """The characters that `text` takes inside a JSON string, quotes not counted."""
    return len(json.dumps(text, ensure_ascii=False)) - 2


def clip_line(line: str, limit: int = 500) -> str:
    """One line, cut behind `limit` characters with a note of how many are left out."""
    if len(line) <= limit:
        return line
    return f"{line[:limit]}… [{len(line) - limit} more characters]"


def clip(text: str, limit: int = RESULT_CHARS, *, more: str = "") -> str:
    """Text of at most `limit` JSON characters: its head and its tail, with a note of what is left out.

    `more` says how to get the rest and stands in the note. Whole lines are kept where they fit.
    """
    if weight(text) <= limit:
        return text
    lines = text.split("\n")
    room = limit - weight(_note(len(lines), len(text), more)) - 4
    head, used = _take(lines, room // 2)
    tail, _ = _take(lines[len(head) :][::-1], room - used)
    tail.reverse()
    left_out = lines[len(head) : len(lines) - len(tail)]
    note = _note(len(left_out), sum(len(line) + 1 for line in left_out), more)
    return "\n".join([*head, note, *tail])


def _note(lines: int, characters: int, more: str) -> str:
    count = f"{lines:,} more line{'s' if lines != 1 else ''}, {characters:,} characters"
    return f"[{count}{': ' + more if more else ''}]"


def _take(lines: Sequence[str], room: int) -> tuple[list[str], int]:
    """As many of the lines, from the front, as fit into `room` JSON characters; a huge first one is cut."""
    taken: list[str] = []
    used = 0
    for line in lines:
        cost = weight(line) + 2
        if used + cost > room:
            if not taken and room > 40:
                piece = _fit(line, room - 40)
                taken.append(f"{piece}… [{len(line) - len(piece)} more characters]")
                used = room
            break
        taken.append(line)
        used += cost
    return taken, used


def _fit(line: str, room: int) -> str:
    """The longest head of `line` that takes at most `room` JSON characters."""
    low, high = 0, min(len(line), room)
    while low < high:
        middle = (low + high + 1) // 2
        if weight(line[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return line[:low]
