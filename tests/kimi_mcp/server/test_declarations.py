"""What every tool of the catalogue must be, seen from its declaration."""

import pytest

from kimi_mcp.cli import offered
from kimi_mcp.server.engine import declare
from kimi_tools.tool import Tool
from tests import update_snapshots

TOOLS = offered.all_tools()

every_tool = pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])

PRIMITIVE = {"string", "integer", "number", "boolean"}


@every_tool
def test_a_changed_declaration_is_seen_in_its_snapshot(tool: Tool) -> None:
    path = update_snapshots.FOLDER / f"{tool.name}.json"
    assert path.exists() and path.read_text("utf-8") == update_snapshots.content(tool), (
        "run: uv run python -m tests.update_snapshots"
    )


def test_no_snapshot_is_left_of_a_tool_that_is_gone() -> None:
    assert {path.stem for path in update_snapshots.FOLDER.glob("*.json")} == {tool.name for tool in TOOLS}


@every_tool
def test_the_schema_is_flat(tool: Tool) -> None:
    schema = tool.input_schema()
    assert set(schema) <= {"type", "properties", "required"}
    for name, declared in schema["properties"].items():
        kind = declared.get("type")
        assert kind in PRIMITIVE or (kind == "array" and declared["items"].get("type") in PRIMITIVE), name
        assert not {"$ref", "anyOf", "oneOf", "allOf", "title"} & set(declared), name
        assert declared.get("description"), f"{name} has no description"
        assert tool.params.model_fields[name].default is not None, name


@every_tool
def test_names_fit_every_client(tool: Tool) -> None:
    assert tool.name.isidentifier() and tool.name.islower() and len(tool.name) <= 30
    assert tool.title and tool.title[0].isupper() and not tool.title.endswith(".")


@every_tool
def test_the_first_sentence_is_enough_by_itself(tool: Tool) -> None:
    first = tool.description.split("\n")[0].split(". ")[0]
    assert 15 <= len(first) <= 200 and tool.description.endswith(".")


@every_tool
def test_annotations_say_what_a_call_can_change(tool: Tool) -> None:
    annotations = declare(tool).annotations
    assert annotations is not None
    assert bool(annotations.read_only_hint) == (tool.effect == "reads")
    assert (annotations.destructive_hint is True) == (tool.effect == "executes")
    assert declare(tool).output_schema is None


def test_names_are_unique() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)
