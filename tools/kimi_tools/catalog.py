"""The one ordered list of tools; a tool that is not here does not exist."""

from kimi_tools import edit, files, search, shell, testrun
from kimi_tools.tool import Tool

TOOLS: tuple[Tool, ...] = (
    search.search_text,
    search.find_files,
    files.read_file,
    files.write_file,
    edit.edit_file,
    edit.apply_patch,
    edit.undo,
    testrun.run_tests,
    shell.run_command,
)
