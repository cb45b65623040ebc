"""Showing code points that a reader cannot see, but that change what text does or says."""

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028\u2029\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
    "|(?<=[\x00-\u024f])[\u200c\u200d]"  # joiners belong in Persian, Indic and emoji, not behind Latin
)


def reveal(text: str) -> str:
    """The text with each hidden code point written as ⟨U+202E⟩; tabs and line ends stay.

    Marks bidirectional controls (CVE-2021-42574), zero-width and tag characters, and control characters.
    `edit_file` understands the marks in the text that it is given.
    """
    return _HIDDEN.sub(_mark, text)


def reveal_line(line: str) -> str:
    """`reveal` for one line or name from strangers: what would end the line or overwrite it is written too."""
    return re.sub("[\r\n]", _mark, reveal(line))


def _mark(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
