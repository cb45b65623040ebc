"""Arguments are read when they have one reading, and refused with a precise sentence when they don't."""

import json

import pytest

from kimi_mcp.model.arguments import Unreadable, parsed, read_arguments
from kimi_mcp.model.messages import Function
from tests.kimi_mcp.model.asking import READ

WRITE = Function(
    "write_file",
    "Writes.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "text": {"type": "string"},
            "mode": {"type": "string", "enum": ["new", "over"]},
            "lines": {"type": "array", "items": {"type": "integer"}},
            "force": {"type": "boolean"},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
)

REPAIRED = {
    "a trailing comma": ('{"path": "a.py", "start": 3,}', {"path": "a.py", "start": 3}),
    "single quotes": ("{'path': 'a.py', 'start': 3}", {"path": "a.py", "start": 3}),
    "a raw line break in a string": ('{"path": "a\nb"}', {"path": "a\nb"}),
    "a missing last brace": ('{"start": 3, "path": "a.py"', {"path": "a.py", "start": 3}),
    "a missing comma": ('{"path": "a.py" "start": 3}', {"path": "a.py", "start": 3}),
    "names without quotes": ('{path: "a.py", start: 3}', {"path": "a.py", "start": 3}),
    "a fence around it": ('```json\n{"path": "a.py"}\n```', {"path": "a.py"}),
    "an object written as a string": ('"{\\"path\\": \\"a.py\\"}"', {"path": "a.py"}),
    "a number as a string": ('{"path": "a.py", "start": "3"}', {"path": "a.py", "start": 3}),
    "null for what may be left out": ('{"path": "a.py", "start": null}', {"path": "a.py"}),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_has_one_reading_is_repaired(name: str) -> None:
    raw, expected = REPAIRED[name]
    assert read_arguments(raw, READ) == (expected, True)


def test_sound_arguments_are_taken_as_they_are() -> None:
    assert read_arguments('{"path": "你好.py"}', READ) == ({"path": "你好.py"}, False)
    assert parsed("") == ({}, False)


REFUSED = {
    "cut within a string": ('{"path": "a.py", "text": "def f():\\n    retu', "are not JSON"),
    "a quotation mark that could be an end": ('{"path": "a", "text": "say "hi" now"}', "are not JSON"),
    "cut within a number": ('{"path": "a.py", "lines": [1, 2', "are not JSON"),
    "cut before a value": ('{"path": "a.py", "text":', "are not JSON"),
    "a value that is not there": ('{"path": "a.py", "text": , "mode": "new"}', "are not JSON"),
    "a list": ("[1, 2]", "must be one JSON object"),
    "a word": ("yes", "are not JSON"),
    "half a character": ('{"path": "\\ud83d"}', "half of a surrogate pair"),
    "noise without end": ('{"a":' * 2000, "nested more than 64 deep"),
    "a missing argument": ('{"text": "x"}', "the argument `path` is missing"),
    "an unknown argument": (
        '{"path": "a", "file": "b"}',
        "there is no argument `file`; there are: path, text",
    ),
    "a wrong choice": ('{"path": "a", "mode": "add"}', "`mode` must be one of new, over; it is 'add'"),
    "a wrong kind": ('{"path": ["a"]}', "`path` must be string, not ['a']"),
    "a wrong kind within": ('{"path": "a", "lines": [1, "two"]}', "`lines.1` must be integer, not 'two'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_sure_reading_is_refused_precisely(name: str) -> None:
    raw, words = REFUSED[name]
    with pytest.raises(Unreadable) as caught:
        read_arguments(raw, WRITE)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_long_wrong_value_is_not_quoted_whole() -> None:
    with pytest.raises(Unreadable) as caught:
        read_arguments(json.dumps({"path": ["x" * 100_000]}), WRITE)
    assert len(str(caught.value)) < 300


def test_a_cut_call_says_so() -> None:
    with pytest.raises(Unreadable, match="cut off after 24 characters"):
        read_arguments('{"path": "a.py", "text":', WRITE, cut=True)


def test_a_list_may_come_as_a_string_or_as_its_one_item() -> None:
    assert read_arguments('{"path": "a", "lines": "[1, 2]"}', WRITE)[0]["lines"] == [1, 2]
    function = Function(
        "f", "", {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}
    )
    assert read_arguments('{"words": "one"}', function)[0] == {"words": ["one"]}
