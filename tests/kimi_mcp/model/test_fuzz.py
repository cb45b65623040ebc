"""Nothing that a host sends may raise, hang, or get past the enforcer."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kimi_mcp.model.enforce import enforced
from kimi_mcp.model.leaks import recover
from kimi_mcp.model.stream import Assembler
from tests.kimi_mcp.model.asking import HISTORY, OFFERED

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["read_file", "functions.read_file", "stop", "tool_calls", "length", '{"path": "a"}', '{"pa']),
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "index",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "cached_tokens",
        "prompt_tokens_details",
        "completion_tokens",
        "text",
        "type",
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)
MAYBE = st.one_of(ANYTHING, SCALARS)
CALL = st.fixed_dictionaries(
    {},
    optional={
        "index": st.one_of(st.none(), st.integers(0, 4)),
        "id": MAYBE,
        "function": st.fixed_dictionaries({}, optional={"name": MAYBE, "arguments": MAYBE}),
    },
)
DELTA = st.fixed_dictionaries(
    {},
    optional={
        "content": MAYBE,
        "reasoning_content": MAYBE,
        "reasoning_details": MAYBE,
        "tool_calls": st.lists(CALL, max_size=4),
    },
)
CHUNK = st.one_of(
    ANYTHING,
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"delta": DELTA, "finish_reason": MAYBE}), max_size=2)}
    ),
)


@given(st.lists(CHUNK, max_size=8))
def test_any_stream_becomes_an_answer_in_which_each_call_can_be_trusted(chunks: list[Any]) -> None:
    assembler = Assembler()
    for chunk in chunks:
        assembler.add(chunk)
    made = enforced(assembler.finished(), OFFERED, HISTORY)
    identities = [call.id for call in made.message.calls]
    assert len(set(identities)) == len(identities) and all(identities)
    for call in made.message.calls:
        assert (call.arguments is None) == bool(call.problem)
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", call.name)
        if call.arguments is not None:
            assert call.name in {function.name for function in OFFERED}
            json.dumps(call.arguments)
    assert (made.finish == "calls") == bool(made.message.calls)


MARKS = st.sampled_from(
    [
        "<|tool_calls_section_begin|>",
        "<|tool_call_begin|>",
        "<|tool_call_argument_begin|>",
        "<|tool_call_end|>",
        "<|tool_calls_section_end|>",
        "functions.read_file:0",
        "{}",
        "<|open|>",
        "<|close|>",
        "<|sep|>",
        "tools",
        "call",
        "tool",
        "argument",
        "`",
        "<",
        "|>",
        " ",
        "\n",
        'tool="read_file"',
        'key="path"',
        "```\n",
    ]
)


@given(st.lists(MARKS, max_size=30).map("".join))
def test_any_mixture_of_marks_is_read_without_harm(text: str) -> None:
    left, found = recover(text, {"read_file"})
    assert text.startswith(left) or not found or left in text
    assert all(leak.name == "read_file" for leak in found)


@given(st.text(alphabet="<|>tool_calsection_begin open", max_size=60), st.integers(1, 7))
def test_what_is_shown_while_streaming_is_a_prefix_of_what_came(text: str, size: int) -> None:
    assembler = Assembler()
    shown = ""
    for start in range(0, len(text), size):
        for delta in assembler.add({"choices": [{"delta": {"content": text[start : start + size]}}]}):
            shown += delta.text
    assert text.startswith(shown)
    assert assembler.finished().text == text
