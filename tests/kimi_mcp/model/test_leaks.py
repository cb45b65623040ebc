"""Calls that a host left in the text are found, and a text about such calls is left alone."""

import json

import pytest

from kimi_mcp.model.leaks import recover

OFFERED = {"read_file", "mcp-search-text", "write_file"}


def section(*calls: str) -> str:
    return f"<|tool_calls_section_begin|>{''.join(calls)}<|tool_calls_section_end|>"


def call(header: str, arguments: str = '{"path": "a.py"}') -> str:
    return f"<|tool_call_begin|>{header}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"


LEAKS = {
    "the usual form": section(call("functions.read_file:0")),
    "without the prefix": section(call("read_file:0")),
    "without an index": section(call("functions.read_file")),
    "spaces and line breaks": section("\n" + call(" functions.read_file:3 ", '\n{"path": "a.py"}\n') + "\n"),
    "the singular section": call("read_file:0").join(
        ("<|tool_call_section_begin|>", "<|tool_call_section_end|>")
    ),
    "no section at all": call("functions.read_file:0"),
    "no end of the section": "<|tool_calls_section_begin|>" + call("functions.read_file:0"),
    "no end of the call": section(call("functions.read_file:0").removesuffix("<|tool_call_end|>")),
    "the end of the message behind it": section(call("functions.read_file:0")) + "<|im_end|>\n",
    "K3": '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>argument key="path" '
    'type="string"<|sep|>a.py<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>',
    "K3 with a JSON block": '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>json '
    'type="object"<|sep|>{"path": "a.py"}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>',
    "K3 without its last marks": '<|open|>call tool="read_file"<|sep|><|open|>argument key="path"<|sep|>a.py'
    "<|close|>argument<|close|>call",
}


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize("before", ["", "I read it first.\n\n"])
def test_a_leak_in_any_form_is_found_and_its_marks_are_gone(name: str, before: str) -> None:
    text, found = recover(before + LEAKS[name], OFFERED)
    assert text == before.strip()
    assert [(leak.name, json.loads(leak.raw)) for leak in found] == [("read_file", {"path": "a.py"})]


def test_hyphenated_names_are_found() -> None:
    _, found = recover(section(call("functions.mcp-search-text:12", '{"words": []}')), OFFERED)
    assert [(leak.id, leak.name) for leak in found] == [("functions.mcp-search-text:12", "mcp-search-text")]


def test_several_calls_are_found_in_order() -> None:
    _, found = recover(section(call("read_file:0"), call("write_file:1"), call("read_file:2")), OFFERED)
    assert [leak.name for leak in found] == ["read_file", "write_file", "read_file"]


def test_arguments_may_themselves_hold_the_marks() -> None:
    inner = {"path": "leaks.py", "text": section(call("functions.read_file:0"))}
    _, found = recover(section(call("functions.write_file:0", json.dumps(inner))), OFFERED)
    assert [(leak.name, json.loads(leak.raw)) for leak in found] == [("write_file", inner)]


def test_k3_values_keep_their_kinds() -> None:
    arguments = "".join(
        f'<|open|>argument key="{key}" type="{kind}"<|sep|>{value}<|close|>argument<|sep|>'
        for key, kind, value in (("a&amp;b", "string", "1"), ("n", "number", "2"), ("l", "array", '["x"]'))
    )
    opened = '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|>'
    text = f"{opened}{arguments}<|close|>call<|sep|><|close|>tools<|sep|>"
    _, found = recover(text, OFFERED)
    assert json.loads(found[0].raw) == {"a&b": "1", "n": 2, "l": ["x"]}


WHOLE = section(call("functions.read_file:0"))
TALK = {
    "a name in prose": "The marker <|tool_calls_section_begin|> opens a section of calls.",
    "an unfinished mention": "It starts with <|tool_call_begin|>functions.read_file:0 and so on.",
    "a call in a fence": f"Kimi writes:\n```\n{WHOLE}\n```\nand stops.",
    "a call in a fence that was not closed": f"Kimi writes:\n```\n{WHOLE}",
    "a call in backticks": f"Kimi writes `{WHOLE}`.",
    "a call in quotes at the end": f'Kimi writes "{WHOLE}',
    "a call in the middle of a text": f"Kimi writes {WHOLE} and then it stops.",
    "a function that is not offered": section(call("functions.get_weather:0")),
    "one of two not offered": section(call("functions.read_file:0"), call("functions.rm:1")),
    "dots for arguments": section(call("functions.read_file:0", "...")),
    "K3 not offered": LEAKS["K3"].replace("read_file", "rm"),
    "K3 in the middle": LEAKS["K3"] + " is how K3 calls.",
    "an opening alone": "<|open|>tools<|sep|>",
}


@pytest.mark.parametrize("name", TALK)
def test_a_text_about_the_marks_is_no_call(name: str) -> None:
    assert recover(TALK[name], OFFERED) == (TALK[name], [])


def test_a_long_text_of_marks_is_read_in_no_time() -> None:
    for piece in (
        "<|tool_call_begin|>",
        "<|tool_calls_section_begin|>",
        "<|open|>call ",
        "`<|open|>tools<|sep|>",
    ):
        recover(piece * 2_000, OFFERED)
