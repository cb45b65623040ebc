"""Which tools there are: the workshop's catalogue, and what the product adds to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kimi_mcp.config import Settings, state_directory
from kimi_mcp.runs.tools import Desk, resolve_tools
from kimi_mcp.server.selection import Selection
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import NotFound
from kimi_tools.tool import Tool

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kimi_mcp.agent.events import Budget
    from kimi_mcp.runs.request import Request


def all_tools(settings: Settings | None = None) -> tuple[Tool, ...]:
    """Every tool, in the order in which every face shows them; the agent's work by `settings`."""
    return (*TOOLS, *resolve_tools(_desk(settings or Settings())))


def _desk(settings: Settings) -> Desk:
    def order(issue: str, mode: str, root: Path, budget: "Budget") -> "Request":
        from kimi_mcp.cli import fix

        return fix.order(settings, issue, (), root, in_place=False, budget=budget, mode=mode)

    def key(base_url: str) -> "SecretStr | None":
        from kimi_mcp.cli import host

        return host.key(base_url)

    return Desk(state_directory(), order, key)


def selected(selection: Selection, settings: Settings | None = None) -> tuple[Tool, ...]:
    """The tools that a selection lets through."""
    return tuple(
        tool for tool in all_tools(settings) if selection.takes(tool.name, tool.toolset, tool.effect)
    )


def left_out(selection: Selection, settings: Settings | None = None) -> dict[str, str]:
    """The tools that a selection does not let through, by name, each with the way to have it."""
    return {
        tool.name: selection.way_in(tool.toolset, tool.effect)
        for tool in all_tools(settings)
        if not selection.takes(tool.name, tool.toolset, tool.effect)
    }


def find(name: str, tools: Sequence[Tool] | None = None) -> Tool:
    """The tool of that name. Raises `NotFound` with the names that are near."""
    import difflib

    offered = {tool.name: tool for tool in (all_tools() if tools is None else tools)}
    if name in offered:
        return offered[name]
    near = difflib.get_close_matches(name, offered, n=3) or list(offered)
    raise NotFound(f"There is no tool '{name}'; there is {', '.join(near)}.")
