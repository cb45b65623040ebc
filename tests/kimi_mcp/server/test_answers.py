"""The fixed answers: equal to the SDK's own, for every selection and every revision of the protocol."""

import json
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from kimi_mcp.cli import offered, snapshot
from kimi_mcp.server import answers, selection
from kimi_mcp.server.answers import Answers
from kimi_mcp.server.selection import Selection
from kimi_mcp.server.snapshot import ENVELOPE, asking, handshake, server_of
from kimi_tools.tool import Toolset

REVISIONS = [*HANDSHAKE_PROTOCOL_VERSIONS, "1999-01-01"]

NAMED = ("default", *selection.TOOLSETS)

SELECTIONS = {
    (chosen, read_only): Selection(chosen, read_only=read_only)
    for size in range(1, len(NAMED) + 1)
    for chosen in combinations(NAMED, size)
    for read_only in (False, True)
}


def test_the_file_of_fixed_answers_is_what_the_declarations_give() -> None:
    assert Path(answers.FILE).read_text("utf-8") == snapshot.content(), (
        "run: uv run python -m tests.update_snapshots"
    )


def test_the_toolsets_are_those_of_the_workshop() -> None:
    assert get_args(Toolset) == selection.TOOLSETS


Requests = list[tuple[str, dict[str, Any]]]

WITHOUT_HANDSHAKE: Requests = [("server/discover", ENVELOPE), ("tools/list", ENVELOPE)]


def with_handshake(revision: str) -> Requests:
    """What clients ask first, and what some of them try."""
    tried = ("tools/list", "ping", "prompts/list", "resources/list", "resources/templates/list")
    return [("initialize", handshake(revision)), *((method, {}) for method in tried)]


def from_the_sdk(chosen: Selection, requests: Requests) -> list[dict[str, Any]]:
    """What the SDK's server answers, on one connection."""

    async def ask_all() -> list[dict[str, Any]]:
        async with asking(server_of(offered.selected(chosen), version("kimi-mcp"))) as ask:
            return [await ask(method, params) for method, params in requests]

    return [
        {key: value for key, value in response.items() if key not in ("jsonrpc", "id")}
        for response in anyio.run(ask_all)
    ]


def fixed(chosen: Selection, requests: Requests) -> list[dict[str, Any] | None]:
    """The fixed answers to the same."""
    answers = Answers(chosen)
    return [answers.to(method, params, initialized=method != "initialize") for method, params in requests]


@pytest.mark.parametrize("revision", REVISIONS)
def test_answers_of_the_handshake_revisions_equal_the_sdks(revision: str) -> None:
    for chosen in (Selection(), Selection(["all"]), Selection(["all"], read_only=True)):
        requests = with_handshake(revision)
        assert fixed(chosen, requests) == from_the_sdk(chosen, requests)


def test_answers_of_the_revision_without_handshake_equal_the_sdks() -> None:
    for chosen in (Selection(), Selection(["all"]), Selection(["all"], read_only=True)):
        assert fixed(chosen, WITHOUT_HANDSHAKE) == from_the_sdk(chosen, WITHOUT_HANDSHAKE)


def test_the_list_of_every_toolset_equals_the_sdks() -> None:
    requests = with_handshake("2025-11-25")[:2]
    for (names, _), chosen in SELECTIONS.items():
        if len(names) == 1:
            assert fixed(chosen, requests) == from_the_sdk(chosen, requests)


def test_every_selection_lists_the_tools_that_the_server_gets() -> None:
    for chosen in SELECTIONS.values():
        assert [tool["name"] for tool in listed(chosen)] == [tool.name for tool in offered.selected(chosen)]


def listed(chosen: Selection) -> list[dict[str, Any]]:
    """The tools of the fixed list."""
    answer = Answers(chosen).to("tools/list", {}, initialized=True)
    assert answer is not None
    return answer["result"]["tools"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("initialize", {}),
        ("initialize", {**handshake("2025-11-25"), "clientInfo": {"name": 1, "version": "1"}}),
        ("initialize", {**handshake("2025-11-25"), "capabilities": {"roots": 3}}),
        ("initialize", {**handshake("2025-11-25"), "protocolVersion": None}),
        ("tools/list", {"cursor": "x"}),
        ("tools/list", {"_meta": 3}),
        ("ping", {"colour": "red"}),
        ("tools/call", {"name": "read_file"}),
        ("logging/setLevel", {}),
    ],
)
def test_what_is_not_in_its_ordinary_form_is_left_to_the_sdk(method: str, params: dict[str, Any]) -> None:
    assert Answers(Selection()).to(method, params, initialized=True) is None


def test_the_default_is_a_part_of_all_and_a_named_toolset_is_whole() -> None:
    def names(*toolsets: str) -> set[str]:
        return {tool["name"] for tool in listed(Selection(toolsets))}

    assert names() == names("default") < names("all") == {tool.name for tool in offered.all_tools()}
    assert {"git_status", "git_commit"} <= names("git")
    assert names() & names("git") == names("git") - selection.NOT_BY_DEFAULT
    assert selection.NOT_BY_DEFAULT < names("default", "git") > names("default")


def test_the_list_is_left_to_the_sdk_before_the_handshake() -> None:
    assert Answers(Selection()).to("tools/list", {}, initialized=False) is None


def test_the_tools_cost_little_context() -> None:
    """Tokens as characters / 4, of the whole result as it stands on the wire."""

    def tokens(chosen: Selection) -> float:
        return len(json.dumps({"tools": listed(chosen)}, separators=(",", ":"))) / 4

    assert tokens(Selection()) < 2_500
    assert tokens(Selection(["all"])) < 4_000
