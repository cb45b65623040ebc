"""A recorded run in the formats of others, and as one page to read."""

from collections.abc import Callable

from kimi_mcp.agent.events import Event
from kimi_mcp.runs.export.atif import atif
from kimi_mcp.runs.export.mini import mini
from kimi_mcp.runs.export.page import page
from kimi_mcp.runs.export.swe_agent import swe_agent

Export = Callable[[str, list[Event]], str]

FORMATS: dict[str, tuple[Export, str]] = {
    "traj": (swe_agent, ".traj"),
    "mini": (mini, ".traj.json"),
    "atif": (atif, ".atif.json"),
    "html": (page, ".html"),
}
"""Each format's function, from a run's id and events to text, and the end of its file's name.

traj: SWE-agent. mini: mini-swe-agent 1.1. atif: Harbor's Agent Trajectory Interchange Format 1.8.
"""
