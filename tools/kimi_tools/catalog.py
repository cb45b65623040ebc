"""The one ordered list of tools; a tool that is not here does not exist."""

from kimi_tools import files
from kimi_tools.tool import Tool

TOOLS: tuple[Tool, ...] = (files.read_file,)
