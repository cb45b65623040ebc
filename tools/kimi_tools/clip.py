"""The one place that bounds text before a model reads it.

The bound counts the characters that the text takes inside a JSON string, because that is where clients
measure: Cline cuts a result in its middle when its JSON exceeds 8,000 characters (measured 2026-11-21),
so 7,500 leaves room for the frame around it.
"""

import json
import re

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

    `more` says how to get the rest and stands in the note. Cuts between lines where one is near, else marks
    the cut line with an ellipsis.
    """
    if weight(text) <= limit:
        return text
    room = limit - weight(_note(text, more)) - _FRAME
    if room < 2 * _FRAME:
        return text[: _fitting(text, limit)]
    head = text[: _fitting(text, room // 2)]
    cut = head.rfind("\n")
    head = head[:cut] if cut >= len(head) // 2 else head + "…"
    rest = text[len(head.removesuffix("…")) :]
    tail = rest[len(rest) - _fitting(rest[::-1], room - room // 2) :]
    cut = tail.find("\n") + 1
    tail = tail[cut:] if 0 < cut <= len(tail) // 2 + 1 else "…" + tail
    left_out = rest[: len(rest) - len(tail.removeprefix("…"))]
    return f"{head}\n{_note(left_out, more)}\n{tail}"


_FRAME = 8
"""What two line breaks and two ellipses weigh, with something to spare."""


def _note(left_out: str, more: str) -> str:
    lines = len(left_out.strip("\n").split("\n"))
    count = f"{lines:,} more line{'s' if lines != 1 else ''}, {len(left_out):,} characters"
    return f"[{count}{': ' + more if more else ''}]"


def _fitting(text: str, room: int) -> int:
    """How many characters of the text, from its front, take at most `room` JSON characters."""
    low, high = 0, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        if weight(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low
