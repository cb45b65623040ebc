"""What must hold for every text: patches, the ladder, offsets. Inputs are made by hypothesis."""

import contextlib
import difflib

from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_tools.edit import ladder, patch
from kimi_tools.edit.patch import placing
from kimi_tools.errors import ToolError
from kimi_tools.workspace import Content, diff
from kimi_tools.workspace.content import Splice

line = st.sampled_from(
    ["", "a", "b", "  a", "\ta", "def f():", "}", "“q”", "x\u2028y", "x\x0cy", "é", "-- a", "++ b"]
)
ending = st.sampled_from(["\n", "\n", "\n", "\r\n"])
texts = st.builds(
    lambda lines, last: "".join(text + end for text, end in lines) + last,
    st.lists(st.tuples(line, ending), max_size=25),
    line,
)


def unified(before: str, after: str, context: int) -> str:
    """What `diff -u` prints, byte for byte, missing line ends included."""
    out = ["--- a/f\n", "+++ b/f\n"]
    a, b = placing.file_lines(before), placing.file_lines(after)
    for text in list(difflib.unified_diff(a, b, n=context))[2:]:
        out.append(text if text.endswith("\n") else f"{text}\n\\ No newline at end of file\n")
    return "".join(out)


def applied(before: bytes, text: str) -> bytes:
    content = Content.decode("f", before)
    (file,) = patch.parse(text)
    return content.spliced(placing.splices(content, placing.place(content, file.hunks)))


@given(texts, texts, st.integers(1, 4))
@settings(max_examples=400)
def test_a_diff_of_two_texts_turns_one_into_the_other(before: str, after: str, context: int) -> None:
    if before == after or ("\r" in before and "\n" not in before) or ("\r" in after and "\n" not in after):
        return
    text = unified(before, after, context)
    if all(one.endswith("\r") for one in text.split("\n") if one):
        return
    assert applied(before.encode(), text) == after.encode()


@given(texts.map(lambda text: text.replace("\r", "")), texts.map(lambda text: text.replace("\r", "")))
@settings(max_examples=200)
def test_the_diffs_that_we_show_are_patches_too(before: str, after: str) -> None:
    shown = diff.unified("f", before.encode(), after.encode())
    assert bool(shown) == (before != after)
    if shown:
        assert applied(before.encode(), f"{shown}\n") == after.encode()


def test_a_diff_too_large_to_compare_line_by_line_is_still_right() -> None:
    before = "".join(f"{number}\n" for number in range(9000))
    after = "".join(f"{number * 7 % 9001}\n" for number in range(9000))
    assert (
        applied(before.encode(), diff.unified("f", before.encode(), after.encode()) + "\n") == after.encode()
    )


@given(st.data())
@settings(max_examples=200)
def test_a_patch_follows_its_lines_when_others_came_above(data: st.DataObject) -> None:
    size = data.draw(st.integers(5, 40))
    before = [f"line {number}\n" for number in range(size)]
    after = list(before)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(after) - 1))
        after[at : at + data.draw(st.integers(0, 2))] = [f"new {data.draw(st.integers(0, 99))} {at}\n"]
    extra = [f"extra {number}\n" for number in range(data.draw(st.integers(1, 9)))]
    if before == after:
        return
    text = unified("".join(before), "".join(after), 3)
    result = applied("".join(extra + before).encode(), text).decode()
    if after[0] != before[0] and len(before) < 8:
        return  # nothing but the extra lines tells where the first hunk goes
    assert result == "".join(extra + after)


@given(texts, st.text("ab }\n\t“\"'\r", max_size=60))
@settings(max_examples=300)
def test_no_text_makes_the_patch_reader_fail_otherwise_than_with_a_reason(before: str, noise: str) -> None:
    content = Content.decode("f", before.encode())
    for text in (
        f"--- a/f\n+++ b/f\n@@ -1 +1 @@\n{noise}",
        f"*** Begin Patch\n*** Update File: f\n{noise}",
        noise,
    ):
        with contextlib.suppress(ToolError):
            for file in patch.parse(text):
                content.spliced(placing.splices(content, placing.place(content, file.hunks)))


@given(texts, st.data())
@settings(max_examples=400)
def test_an_exact_piece_that_occurs_once_is_replaced_and_nothing_else(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    old = text[start:end]
    if not old:
        return
    found = ladder.find(text, old, "NEW", "\n")
    assert found is not None
    if len(found.splices) > 1:
        return
    assert found.rung == ladder.EXACT
    content = Content.decode("f", text.encode())
    assert content.spliced(found.splices) == (text[:start] + "NEW" + text[end:]).encode()


@given(texts, st.data())
@settings(max_examples=400)
def test_a_blurred_piece_is_found_where_it_was_and_what_it_shares_keeps_its_bytes(
    text: str, data: st.DataObject
) -> None:
    lines = placing.file_lines(text)
    if not lines:
        return
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first, len(lines) - 1))
    piece = "".join(lines[first : last + 1])
    blurred = piece.replace("\r\n", "\n").replace("“", '"').replace("”", '"')
    shift = data.draw(st.sampled_from(["", "    "]))
    blurred = "".join(shift + one if one.strip() else one for one in placing.file_lines(blurred))
    found = ladder.find(text, blurred, blurred + "ADDED\n", "\n") if blurred.endswith("\n") else None
    if found is None or len(found.splices) != 1:
        return
    result = Content.decode("f", text.encode()).spliced(found.splices).decode()
    at = found.splices[0].start
    assert result[:at] == text[:at]
    assert result.replace("ADDED\n", "", 1).replace("    ADDED\n", "", 1).replace("\tADDED\n", "", 1) == text


@given(st.binary(max_size=60), st.data())
@settings(max_examples=400)
def test_splicing_nothing_gives_any_bytes_back_and_a_splice_changes_only_its_place(
    data: bytes, draws: st.DataObject
) -> None:
    try:
        content = Content.decode("f", data)
    except ToolError:
        return
    assert content.spliced([]) == data
    start = draws.draw(st.integers(0, len(content.text)))
    end = draws.draw(st.integers(start, len(content.text)))
    try:
        head = content.spliced([Splice(start, len(content.text), "")])
        tail = content.spliced([Splice(0, end, "")])[len(content.mark) :]
        result = content.spliced([Splice(start, end, "ab")])
    except ToolError:
        return
    assert data.startswith(head)
    assert data.endswith(tail)
    assert result == head + "ab".encode(content.encoding) + tail
