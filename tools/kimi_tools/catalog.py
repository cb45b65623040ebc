"""The one ordered list of tools; a tool that is not here does not exist."""

from kimi_tools import edit, files, testrun
from kimi_tools.tool import Tool

TOOLS: tuple[Tool, ...] = (
    files.read_file,
    files.write_file,
    edit.edit_file,
    edit.undo,
    testrun.run_tests,
)
