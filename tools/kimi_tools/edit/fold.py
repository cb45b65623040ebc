"""Text with differences folded away that a model cannot see or tends to lose, and the way back.

Each level folds what the level before it does, and more.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        **dict.fromkeys(
            "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "
        ),
        **dict.fromkeys("\u202f\u205f\u3000", " "),
        "，": ",",
        "；": ";",
        "：": ":",
        "（": "(",
        "）": ")",
        "！": "!",
        "？": "?",
    }
)
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"

LINE_ENDS = 1
TRAILING_SPACE = 2
LOOK_ALIKES = 3

_FOLDED = {
    LINE_ENDS: re.compile(r"\r\n"),
    TRAILING_SPACE: re.compile(r"[ \t]*\r?\n|(?<=\S)[ \t]+\Z"),
    LOOK_ALIKES: re.compile(rf"[ \t]*\r?\n|(?<=\S)[ \t]+\Z|[{_INVISIBLE}]"),
}


def same_length(text: str) -> str:
    """Look-alike quotes, dashes and spaces as their ASCII forms, one character for each."""
    return text.translate(_LOOK_ALIKES)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text, and for each folded place its edges there and its span in the original."""

    text: str
    starts: list[int]
    ends: list[int]
    originals: list[tuple[int, int]]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` of the folded text lie in the original.

        Removed characters at either edge stay outside.
        """
        begin = self._original(start, bisect_right(self.ends, start))
        return begin, self._original(end, bisect_left(self.starts, end))

    def _original(self, index: int, folds_before: int) -> int:
        if not folds_before:
            return index
        return self.originals[folds_before - 1][1] + index - self.ends[folds_before - 1]


def fold(text: str, level: int) -> Folded:
    """`text` folded to a level; where no `\\n` is, `\\r` ends lines and is folded like it."""
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    if level == LOOK_ALIKES:
        text = same_length(text)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    originals: list[tuple[int, int]] = []
    done = length = 0
    for match in _FOLDED[level].finditer(text):
        become = "\n" if match[0].endswith("\n") else ""
        if match[0] == become:
            continue
        pieces += [text[done : match.start()], become]
        length += match.start() - done
        starts.append(length)
        length += len(become)
        ends.append(length)
        originals.append(match.span())
        done = match.end()
    return Folded("".join([*pieces, text[done:]]), starts, ends, originals)
