"""`kimi-mcp tools`: the tools, as a table, as JSON or as the README's Markdown."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, cast

from kimi_mcp.cli import choice, offered
from kimi_tools.tool import Tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    choice.add_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="names, titles, descriptions and schemas")
    form.add_argument("--markdown", action="store_true", help="the README's table")


def run(options: argparse.Namespace) -> int:
    """Print the tools that `serve` would offer with the same flags."""
    tools = offered.selected(choice.selection(choice.settings(options)))
    if options.json:
        print(json.dumps([declaration(tool) for tool in tools], indent=2))
    elif options.markdown:
        print(markdown(tools))
    else:
        width = max((len(tool.name) for tool in tools), default=0)
        for tool in tools:
            print(f"{tool.name:<{width}}  {tool.effect:<8}  {tool.description.split('. ')[0].rstrip('.')}.")
    return 0


def declaration(tool: Tool) -> dict[str, Any]:
    """One tool for programs."""
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "toolset": tool.toolset,
        "effect": tool.effect,
        "inputSchema": tool.input_schema(),
    }


def markdown(tools: Sequence[Tool]) -> str:
    """A table of the tools by family."""
    rows = ["| family | tool | effect | what it does | arguments |", "| --- | --- | --- | --- | --- |"]
    for tool in tools:
        properties = cast(dict[str, Any], tool.input_schema()["properties"])
        arguments = ", ".join(f"`{name}`" for name in properties)
        description = tool.description.replace("|", "\\|")
        rows.append(f"| {tool.toolset} | `{tool.name}` | {tool.effect} | {description} | {arguments} |")
    return "\n".join(rows)
