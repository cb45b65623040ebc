"""`kimi-mcp tools [TOOL]`: the tools, as a table, as JSON or as the README's Markdown; or one with its arguments."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, cast

from kimi_mcp.cli import choice, offered
from kimi_tools.tool import Tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("tool", metavar="TOOL", nargs="?", help="show this one with its arguments")
    choice.add_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="names, titles, descriptions and schemas")
    form.add_argument("--markdown", action="store_true", help="the README's table")


def run(options: argparse.Namespace) -> int:
    """Print the tools that `serve` would offer with the same flags, or one of all."""
    if options.tool:
        tool = offered.find(options.tool)
        print(json.dumps(declaration(tool), indent=2) if options.json else described(tool))
        return 0
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


def described(tool: Tool) -> str:
    """One tool for a person: what it does, and each argument with its type, default and meaning."""
    properties = cast(dict[str, dict[str, Any]], tool.input_schema()["properties"])
    lines = [f"{tool.name} ({tool.toolset}, {tool.effect})", tool.description, ""]
    width = max(map(len, properties), default=0)
    for name, item in properties.items():
        kind = " | ".join(map(str, item["enum"])) if "enum" in item else str(item["type"])
        if kind == "array":
            kind = f"list of {item['items'].get('type', 'string')}"
        field = tool.params.model_fields[name]
        given = (
            "required"
            if field.is_required()
            else f"default {json.dumps(field.get_default(call_default_factory=True))}"
        )
        lines.append(f"  {name:<{width}}  {item['description']} ({kind}, {given})")
    return "\n".join(lines if properties else [*lines, "  takes no arguments"])


def markdown(tools: Sequence[Tool]) -> str:
    """A table of the tools by family."""
    rows = ["| family | tool | effect | what it does | arguments |", "| --- | --- | --- | --- | --- |"]
    for tool in tools:
        properties = cast(dict[str, Any], tool.input_schema()["properties"])
        arguments = ", ".join(f"`{name}`" for name in properties)
        description = tool.description.replace("|", "\\|")
        rows.append(f"| {tool.toolset} | `{tool.name}` | {tool.effect} | {description} | {arguments} |")
    return "\n".join(rows)
