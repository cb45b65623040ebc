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

SELECTIONS = [
    Selection(chosen, read_only=read_only)
    for size in range(1, len(selection.TOOLSETS) + 1)
    for chosen in combinations(selection.TOOLSETS, size)
    for read_only in (False, True)
]


def test_the_file_of_fixed_answers_is_what_the_declarations_give() -> None:
    assert Path(answers.FILE).read_text("utf-8") == snapshot.content(), (
        "run: uv run python -m tests.update_snapshots"
    )


def test_the_toolsets_are_those_of_the_workshop() -> None:
    assert get_args(Toolset) == selection.TOOLSETS


async def _from_the_sdk(chosen: Selection, revision: str) -> dict[str, Any]:
    async with asking(server_of(offered.selected(chosen), version("kimi-mcp"))) as ask:
        return {
            "initialize": (await ask("initialize", handshake(revision)))["result"],
            "tools/list": (await ask("tools/list"))["result"],
            "ping": (await ask("ping"))["result"],
        }


def _fixed(chosen: Selection, revision: str) -> dict[str, Any]:
    fixed = Answers(chosen)
    return {
        "initialize": fixed.to("initialize", handshake(revision), initialized=False),
        "tools/list": fixed.to("tools/list", {}, initialized=True),
        "ping": fixed.to("ping", {}, initialized=True),
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_answers_of_the_handshake_revisions_equal_the_sdks(revision: str) -> None:
    for chosen in (Selection(), Selection(["all"]), Selection(["all"], read_only=True)):
        assert _fixed(chosen, revision) == anyio.run(_from_the_sdk, chosen, revision)


def test_answers_of_the_revision_without_handshake_equal_the_sdks() -> None:
    async def from_the_sdk(chosen: Selection) -> list[Any]:
        async with asking(server_of(offered.selected(chosen), version("kimi-mcp"))) as ask:
            return [(await ask(method, ENVELOPE))["result"] for method in ("server/discover", "tools/list")]

    for chosen in (Selection(), Selection(["all"]), Selection(["all"], read_only=True)):
        fixed = Answers(chosen)
        ours = [fixed.to(method, ENVELOPE, initialized=False) for method in ("server/discover", "tools/list")]
        assert ours == anyio.run(from_the_sdk, chosen)


def test_the_list_of_every_toolset_equals_the_sdks() -> None:
    async def compare() -> None:
        for chosen in SELECTIONS:
            if len(chosen.toolsets) == 1:
                async with asking(server_of(offered.selected(chosen), "0")) as ask:
                    await ask("initialize", handshake("2025-11-25"))
                    listed = (await ask("tools/list"))["result"]
                assert listed == Answers(chosen).to("tools/list", {}, initialized=True)

    anyio.run(compare)


def test_every_selection_lists_the_tools_that_the_server_gets() -> None:
    for chosen in SELECTIONS:
        listed = Answers(chosen).to("tools/list", {}, initialized=True) or {}
        assert [tool["name"] for tool in listed["tools"]] == [tool.name for tool in offered.selected(chosen)]


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
        ("prompts/list", {}),
    ],
)
def test_what_is_not_in_its_ordinary_form_is_left_to_the_sdk(method: str, params: dict[str, Any]) -> None:
    assert Answers(Selection()).to(method, params, initialized=True) is None


def test_the_list_is_left_to_the_sdk_before_the_handshake() -> None:
    assert Answers(Selection()).to("tools/list", {}, initialized=False) is None


def test_the_tools_cost_little_context() -> None:
    """Tokens as characters / 4, of the whole result as it stands on the wire."""

    def tokens(chosen: Selection) -> float:
        result = Answers(chosen).to("tools/list", {}, initialized=True)
        return len(json.dumps(result, separators=(",", ":"))) / 4

    assert tokens(Selection()) < 2_500
    assert tokens(Selection(["all"])) < 4_000
