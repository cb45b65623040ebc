"""Saying where the text that was not found nearly is, and what differs there."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence

from kimi_tools.clip import clip_line
from kimi_tools.workspace import Content

_WORD = re.compile(r"\w+|[^\w\s]")
_MAX_NEEDLE = 40
_MAX_LINES = 60_000
_ENOUGH = 0.4


def explain(content: Content, wanted: Sequence[str], name: str) -> str:
    """Where the file is most like the wanted lines and what differs there, or that nothing is near.

    `name` stands for the wanted lines in the diff.
    """
    lines = content.lines
    place, likeness = nearest(lines, wanted)
    if likeness < _ENOUGH:
        return (
            f"Nothing in its {len(lines)} lines (hash {content.hash}) is near that text; "
            "read the file again or search for it."
        )
    found = lines[place : place + len(wanted)]
    first, last = place + 1, place + len(found)
    shown = list(difflib.unified_diff(wanted, found, n=2, lineterm=""))[3:]
    body = [clip_line(line, 300) for line in shown[:60]]
    if len(shown) > 60:
        body.append(f"[{len(shown) - 60} more lines]")
    where = f"lines {first}-{last}" if last > first else f"line {first}"
    return "\n".join(
        [
            f"Nearest: {where} ({min(likeness, 0.99):.0%} alike). Repeat with the file's own text:",
            f"--- {name}",
            f"+++ {content.path} {where}",
            *(body or ["(the lines are the same; only whitespace or line ends differ)"]),
        ]
    )


def nearest(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int, float]:
    """The index where a run of lines is most like the wanted ones, and how alike (0 to 1)."""
    if not lines or not any(line.strip() for line in wanted):
        return 0, 0.0
    asked = [_words(line) for line in wanted[:_MAX_NEEDLE]]
    rare = Counter(word for words in asked for word in words)
    have = [_words(line) for line in lines[:_MAX_LINES]]
    scores = [0] * (len(have) + len(asked))
    for offset, words in enumerate(asked):
        if not words:
            continue
        for index, other in enumerate(have):
            if not rare.keys().isdisjoint(other):
                scores[index - offset + len(asked)] += (words & other).total() * 2
    order = sorted(range(len(scores)), key=lambda at: -scores[at])[:8]
    text = "\n".join(wanted)
    best = (0, 0.0)
    for at in order:
        place = max(0, at - len(asked))
        window = "\n".join(lines[place : place + len(wanted)])
        likeness = _likeness(text, window)
        if likeness > best[1]:
            best = (place, likeness)
    return best


def _likeness(one: str, other: str) -> float:
    if len(one) + len(other) > 3_000:
        return difflib.SequenceMatcher(None, one.split("\n"), other.split("\n"), autojunk=False).ratio()
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _words(line: str) -> Counter[str]:
    return Counter(_WORD.findall(line))
