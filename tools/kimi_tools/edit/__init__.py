"""Changing files: by text, by patch, and back."""

from kimi_tools.edit.apply_patch import apply_patch
from kimi_tools.edit.rename import rename_symbol
from kimi_tools.edit.replace import edit_file
from kimi_tools.edit.take_back import undo

__all__ = ["apply_patch", "edit_file", "rename_symbol", "undo"]
