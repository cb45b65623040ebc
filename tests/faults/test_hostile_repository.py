"""A hostile repository is opened, read, searched, changed and committed to, and nothing of it is run."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.cli import offered
from kimi_tools.errors import ToolError
from kimi_tools.policy import KINDS, Policy
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace
from tests.faults.hostile import VECTORS, make_hostile, provoke
from tests.stdio_client import StdioClient

COMMAND = (str(Path(sys.executable).with_name("kimi-mcp")), "serve")
"""As installed: `python -m` looks for modules in the current directory first, which only the flag -P forbids."""

COMMANDS = ("run_command", "run_tests")
"""Tools whose purpose is to run what the repository says; they do it in the sandbox."""

TOOLS = [tool for tool in offered.all_tools() if tool.name not in COMMANDS and tool.toolset != "resolve"]

ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "apply_patch": [
        {
            "patch": "*** Begin Patch\n*** Update File: a.py\n@@\n-    return 11\n+    return 12\n*** End Patch\n"
        }
    ],
    "edit_file": [{"path": "src/b.py", "old": "+ 1", "new": "+ 2"}],
    "write_file": [{"path": "new.py", "content": "x = 1\n"}],
    "search_text": [{"pattern": "one"}, {"pattern": "one", "path": "src", "ignored": True}],
    "git_diff": [{}, {"target": "HEAD"}, {"paths": ["a.py"]}],
    "git_log": [{}, {"path": "a.py"}, {"text": "one"}, {"symbol": "one", "path": "a.py"}],
    "git_show": [{}, {"revision": "HEAD", "path": "src/b.py"}],
    "git_commit": [{"message": "x", "paths": ["a.py"]}, {"message": "y", "paths": ["a.py"], "branch": "b2"}],
    "git_branch": [{}, {"name": "b1", "create": True}, {"name": "main"}],
}
"""What a tool is called with, where harmless values for its required parameters are not enough."""


def harmless(tool: Tool) -> Iterator[dict[str, Any]]:
    """Calls of one tool that a friend would make."""
    schema = tool.input_schema()
    values: dict[str, Any] = {
        "string": "a.py",
        "integer": 1,
        "number": 1,
        "boolean": False,
        "array": ["a.py"],
    }
    yield from ARGUMENTS.get(
        tool.name,
        [{name: values[schema["properties"][name]["type"]] for name in schema.get("required", [])}],
    )


async def call_everything(workspace: Workspace) -> int:
    """Call every tool; how many calls gave a result."""
    worked = 0
    for tool in sorted(TOOLS, key=lambda tool: ("reads", "edits", "executes").index(tool.effect)):
        for arguments in harmless(tool):
            try:
                await tool(workspace, arguments)
            except ToolError:
                continue
            worked += 1
    return worked


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector.provoke])
def test_the_trap_is_armed_plain_git_springs_it(tmp_path: Path, name: str) -> None:
    repository = make_hostile(tmp_path, name)
    provoke(repository, VECTORS[name].provoke or ())
    assert repository.sprung()


@pytest.mark.parametrize("name", VECTORS)
def test_no_tool_springs_a_trap(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_hostile(tmp_path, name)
    monkeypatch.chdir(repository.root)
    monkeypatch.setenv("PATH", f":.:{repository.root}:{os.environ['PATH']}")
    workspace = Workspace(repository.root, state=tmp_path / "state", policy=Policy.allowing(KINDS))
    worked = asyncio.run(call_everything(workspace))
    workspace.close()
    assert repository.sprung() == []
    assert worked >= len(TOOLS) - 4, "most tools must give their result, or this proves nothing"


def test_a_server_that_is_started_inside_it_springs_no_trap(tmp_path: Path) -> None:
    others = [
        name for name in VECTORS if name not in ("promisor", "submodule")
    ]  # what needs a sane git first
    repository = make_hostile(tmp_path, "submodule", *others)
    variables = {"PATH": f":.:{os.environ['PATH']}", "PYTHONPATH": ""}
    with StdioClient(
        repository.root, "--toolsets", "all", pinned=False, environment=variables, command=COMMAND
    ) as client:
        client.initialize()
        for tool in TOOLS:
            for arguments in harmless(tool):
                client.call(tool.name, **arguments)
        assert repository.sprung() == []
        refused = client.call("read_file", path=".env")
        assert refused.is_error and "--allow secrets" in refused.text
