"""What is defined where, who uses it, and what matters in a repository."""

from kimi_tools.symbols.find import find_symbol
from kimi_tools.symbols.locate import locate
from kimi_tools.symbols.map import repo_map
from kimi_tools.symbols.outline import outline
from kimi_tools.symbols.references import find_references

__all__ = ["find_references", "find_symbol", "locate", "outline", "repo_map"]
