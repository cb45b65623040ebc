"""Every tool of the catalogue, called with arguments that no friend would send.

A call may answer or refuse with a `ToolError`; it may not fail in any other way, take long, answer without
bound, read or write outside the root, or change a file when its effect is `reads`.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kimi_mcp.cli import offered
from kimi_tools.clip import weight
from kimi_tools.errors import ToolError
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace

TOOLS = offered.all_tools()

SECONDS = 30
"""What one hostile call may take, on a loaded machine."""

WRONG_TYPES: list[Any] = [
    None,
    5,
    1.5,
    True,
    "many",
    "",
    [],
    [1],
    [None],
    {},
    {"a": 1},
    float("nan"),
    -(10**30),
]

TEXTS = [
    "",
    "\0",
    "a\0b",
    "x" * 1_000_000,
    "é" * 300,
    "\ud800",
    "../../../../etc/passwd",
    "/etc/passwd",
    "link/passwd",
    "src/../../outside.txt",
    "~/.ssh/id_rsa",
    "--output=/tmp/x",
    "-rf",
    "(a+)+$",
    "[",
    "{}",
    "$HOME",
    "a\nb",
    "NUL",
    "no_such_name_at_all",
]

NUMBERS = [-1, 0, 1, 2**31, 2**63, 10**30]


def hostile(kind: str) -> list[Any]:
    """Values for a parameter of a JSON Schema type, of that type and of others."""
    match kind:
        case "string":
            return [*WRONG_TYPES, *TEXTS]
        case "array":
            return [*WRONG_TYPES, *([text] for text in TEXTS), ["x"] * 5_000]
        case "boolean":
            return [*WRONG_TYPES, False]
        case _:
            return [*WRONG_TYPES, *NUMBERS]


def harmless(tool: Tool) -> dict[str, Any]:
    """Something for each required parameter."""
    schema = tool.input_schema()
    values: dict[str, Any] = {
        "string": "a.py",
        "integer": 1,
        "number": 1,
        "boolean": False,
        "array": ["a.py"],
    }
    return {name: values[schema["properties"][name]["type"]] for name in schema.get("required", [])}


def calls(tool: Tool) -> Iterator[dict[str, Any]]:
    """One hostile value at a time, beside nothing and beside harmless others."""
    good = harmless(tool)
    yield {}
    yield {**good, "no_such_argument": 1}
    yield dict.fromkeys(tool.params.model_fields)
    for name, declared in tool.input_schema()["properties"].items():
        for value in hostile(declared["type"]):
            yield {**good, name: value}


@pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])
def test_a_tool_survives_hostile_arguments(
    tool: Tool, make_workspace: Callable[[dict[str, str | bytes]], Workspace]
) -> None:
    workspace = make_workspace({"a.py": "def one():\n    return 'a'\n", "src/b.py": "import a\n"})
    outside = workspace.root.parent / "outside.txt"
    outside.write_text("outside\n")
    (workspace.root / "link").symlink_to("/etc")

    async def call_all() -> None:
        for arguments in calls(tool):
            shown = str(arguments)[:200]
            try:
                async with asyncio.timeout(SECONDS):
                    result = await tool(workspace, arguments)
            except ToolError as error:
                told = str(error)
                assert told and weight(told) < 4_000, f"{shown}: {told[:500]}"
            except Exception as error:
                raise AssertionError(f"{tool.name} failed on {shown}: {error!r}") from error
            else:
                assert weight(result.text) <= workspace.result_chars, shown
                assert "root:x:0:0" not in result.text, shown

    asyncio.run(call_all())
    assert outside.read_text() == "outside\n"
    if tool.effect == "reads":
        assert (workspace.root / "a.py").read_text() == "def one():\n    return 'a'\n"
