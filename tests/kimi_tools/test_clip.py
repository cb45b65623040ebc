"""Bounding text: never too long, both ends kept, honest about what is missing."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_tools.clip import clip, clip_line, weight

pieces = st.sampled_from(
    ["a", "b c", '"quoted"', "\\", "\n", "\n\n", "é", "\U0001f600", "\t", "\x01", "x" * 80, "long " * 50]
)
texts = st.lists(pieces, max_size=300).map("".join)


@given(texts, st.integers(80, 2000), st.sampled_from(["", "read on with offset=10"]))
@settings(max_examples=300)
def test_a_clipped_text_is_within_its_limit_and_keeps_both_ends(text: str, limit: int, more: str) -> None:
    clipped = clip(text, limit, more=more)
    assert weight(clipped) <= limit
    if weight(text) <= limit:
        assert clipped == text
        return
    note = re.search(r"^\[[\d,]+ more lines?, ([\d,]+) characters(: .*)?\]$", clipped, re.MULTILINE)
    assert note is not None
    head, tail = clipped[: note.start() - 1].removesuffix("…"), clipped[note.end() + 1 :].removeprefix("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + len(tail) + int(note[1].replace(",", "")) == len(text)
    assert more in note[0]


@pytest.mark.parametrize("text", ["x" * 9000, "head\n" + "x" * 9000, "x" * 9000 + "\ntail", '"' * 9000])
def test_a_huge_line_keeps_its_head_and_its_tail(text: str) -> None:
    clipped = clip(text, 1000)
    assert 900 < weight(clipped) <= 1000
    assert clipped[:4] == text[:4]
    assert clipped[-4:] == text[-4:]


def test_a_limit_too_small_for_a_note_still_holds() -> None:
    assert clip("abcdef" * 100, 20) == ("abcdef" * 100)[:20]


def test_whole_lines_are_kept_where_they_fit() -> None:
    clipped = clip("".join(f"line {number}\n" for number in range(1000)), 500)
    assert all(re.fullmatch(r"(line \d+|\[.*\]|)", line) for line in clipped.split("\n"))


def test_a_line_is_cut_with_a_count() -> None:
    assert clip_line("abc", 3) == "abc"
    assert clip_line("abcd", 3) == "abc… [1 more characters]"
