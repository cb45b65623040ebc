"""`kimi-mcp call TOOL [name=value …]`: one tool from a shell."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, cast

from kimi_mcp.cli import choice, offered
from kimi_mcp.config import find_root, open_workspace
from kimi_tools.errors import BadArguments
from kimi_tools.progress import Progress, reporting_to
from kimi_tools.tool import Result, Tool
from kimi_tools.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("tool", metavar="TOOL", help="its name; `kimi-mcp tools TOOL` shows its arguments")
    parser.add_argument("arguments", nargs="*", metavar="name=value", help="'name=-' reads standard input")
    parser.add_argument("--json", action="store_true", help="the result's data instead of its text")
    choice.add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Call the tool and print its text, or its data as JSON; what it is doing goes to standard error."""
    tool = offered.find(options.tool)
    arguments = parse(tool, options.arguments)
    settings = choice.settings(options)
    workspace = open_workspace(find_root(settings.text("root")), settings)
    try:
        result = asyncio.run(_call(tool, workspace, arguments))
    finally:
        workspace.close()
    print(result.data.model_dump_json(indent=2) if options.json else result.text)
    return 0


async def _call(tool: Tool, workspace: Workspace, arguments: dict[str, Any]) -> Result:
    def show(progress: Progress) -> None:
        print(f"\r\x1b[K{progress.message}", end="", file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        return await tool(workspace, arguments)
    try:
        with reporting_to(show):
            return await tool(workspace, arguments)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def parse(tool: Tool, words: Sequence[str]) -> dict[str, Any]:
    """The arguments of `name=value` words, each read as its parameter's type wants it.

    A list takes JSON, or several words of the same name. `-` is standard input. Raises `BadArguments`.
    """
    properties = cast(dict[str, dict[str, Any]], tool.input_schema()["properties"])
    arguments: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise BadArguments(
                f"'{word}' is not name=value; {tool.name} takes: {', '.join(properties) or 'nothing'}."
            )
        value = sys.stdin.read() if text == "-" else text
        if properties.get(name, {}).get("type") == "array":
            arguments.setdefault(name, []).extend(_items(value))
        else:
            arguments[name] = value
    return arguments


def _items(text: str) -> list[Any]:
    if not text.startswith("["):
        return [text]
    try:
        return cast(list[Any], json.loads(text))
    except json.JSONDecodeError as error:
        raise BadArguments(f"'{text}' is not a JSON list: {error}.") from None
