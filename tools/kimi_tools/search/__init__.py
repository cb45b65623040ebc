"""Finding text and files in the workspace, with ripgrep."""

from kimi_tools.search.names import find_files
from kimi_tools.search.text import search_text

__all__ = ["find_files", "search_text"]
