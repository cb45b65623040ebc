"""Which tools there are: the workshop's catalogue, and what the product adds to it."""

from collections.abc import Sequence

from kimi_mcp.server.selection import Selection
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import NotFound
from kimi_tools.tool import Tool


def all_tools() -> tuple[Tool, ...]:
    """Every tool, in the order in which every face shows them."""
    return TOOLS


def selected(selection: Selection) -> tuple[Tool, ...]:
    """The tools that a selection lets through."""
    return tuple(tool for tool in all_tools() if selection.takes(tool.name, tool.toolset, tool.effect))


def find(name: str, tools: Sequence[Tool] | None = None) -> Tool:
    """The tool of that name. Raises `NotFound` with the names that are near."""
    import difflib

    offered = {tool.name: tool for tool in (all_tools() if tools is None else tools)}
    if name in offered:
        return offered[name]
    near = difflib.get_close_matches(name, offered, n=3) or list(offered)
    raise NotFound(f"There is no tool '{name}'; there is {', '.join(near)}.")
