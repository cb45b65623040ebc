"""One member changes; every other byte of the file stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_mcp.clients.jsonc import read, remove_member, set_member
from kimi_tools.errors import Conflict

ENTRY = {"command": "kimi-mcp", "args": ["serve"]}

COMMENTED = """{
    // the user's own servers
    "mcpServers": {
        "a": { "command": "a" } // keep me
    },
    /* the end */
    "theme": "dark", // trailing comma below
}
"""


def test_a_member_goes_behind_the_others_and_comments_stay() -> None:
    changed = set_member(COMMENTED, ["mcpServers", "kimi"], ENTRY)
    assert changed == COMMENTED.replace(
        '{ "command": "a" } // keep me\n',
        '{ "command": "a" }, // keep me\n'
        '        "kimi": {\n            "command": "kimi-mcp",\n            "args": [\n                "serve"\n'
        "            ]\n        }\n",
    )
    assert read(changed)["mcpServers"]["kimi"] == ENTRY
    assert remove_member(changed, ["mcpServers", "kimi"]) == COMMENTED
    tight = '{"a": 1, // one\n "b": 2}'
    assert remove_member(tight, ["b"]) == '{"a": 1 // one\n}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{\n}\n",
        '{"a": 1}',
        '{\r\n\t"a": 1\r\n}\r\n',
        '{\n  "a": [1, 2,],\n}',
        '\ufeff{"a": {}}',
        COMMENTED,
    ],
)
def test_any_file_gets_the_member_and_nothing_else_changes(text: str) -> None:
    changed = set_member(text, ["mcpServers", "kimi"], ENTRY)
    before = read(text)
    servers = {**before.get("mcpServers", {}), "kimi": ENTRY}
    assert read(changed) == {**before, "mcpServers": servers}
    assert set_member(changed, ["mcpServers", "kimi"], ENTRY) == changed
    gone = read(remove_member(changed, ["mcpServers", "kimi"]))
    assert {**gone, "mcpServers": gone.get("mcpServers", {})} == {
        **before,
        "mcpServers": before.get("mcpServers", {}),
    }
    assert changed.startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text:
        assert "\n" not in changed.replace("\r\n", "")


def test_the_first_and_a_middle_member_are_removed_with_their_comma() -> None:
    text = '{\n  "x": {"a": 1, "b": 2, "c": 3}\n}'
    assert remove_member(text, ["x", "b"]) == '{\n  "x": {"a": 1, "c": 3}\n}'
    assert read(remove_member(text, ["x", "a"])) == {"x": {"b": 2, "c": 3}}
    assert remove_member(text, ["x", "c"]) == '{\n  "x": {"a": 1, "b": 2}\n}'
    assert remove_member(text, ["y", "c"]) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "line 1: an object was expected"),
        ('{\n "a": \n}', "line 3: a value was expected"),
        ('{"a" 1}', "':' was expected"),
        ('{"a": 1 "b": 2}', "a comma or '}' was expected"),
        ('{"a": nope}', "'nope' is not a value"),
        ('{"a": 1} x', "nothing was expected behind the object"),
        ('{"a":' * 300, "nested too deeply"),
        ('{"a', "a string was expected"),
    ],
)
def test_a_broken_file_is_left_alone_and_the_line_is_told(text: str, said: str) -> None:
    with pytest.raises(Conflict, match=said.replace("'", "'")):
        set_member(text, ["mcpServers", "kimi"], ENTRY)


def test_something_on_the_way_that_is_no_object_is_refused() -> None:
    with pytest.raises(Conflict, match="'mcpServers' is not an object"):
        set_member('{"mcpServers": []}', ["mcpServers", "kimi"], ENTRY)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=4),
    st.sampled_from([None, 2, 4, "\t"]),
    st.lists(st.text(min_size=1), min_size=1, max_size=3),
)
def test_setting_and_removing_agree_with_what_json_says(data: dict, indent: object, path: list[str]) -> None:
    text = json.dumps(data, indent=indent)  # type: ignore[arg-type]
    wanted = json.loads(text)
    here = wanted
    for name in path[:-1]:
        here = here.setdefault(name, {})
        if not isinstance(here, dict):
            return
    here[path[-1]] = ENTRY
    changed = set_member(text, path, ENTRY)
    assert json.loads(changed) == wanted
    del here[path[-1]]
    assert json.loads(remove_member(changed, path)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": 1/* , } " */}/**/\n}',
        '{"mcpServers": {"a": 1/* , } " */,}/**/\n}',
        '{"mcpServers": {"a": 1/* , } " */}}/**/\n',
        '{"mcpServers": {"a": 1 /* * / */ /**/\n}}',
    ],
)
def test_a_comment_further_on_in_the_line_is_not_taken_for_the_end_of_the_one_behind_a_member(
    text: str,
) -> None:
    before = read(text)
    changed = set_member(text, ["mcpServers", "kimi"], {"command": "k"})
    assert read(changed) == {"mcpServers": {**before["mcpServers"], "kimi": {"command": "k"}}}
