"""The one ordered list of tools; a tool that is not here does not exist."""

from kimi_tools import edit, files, git, search, shell, symbols, testrun
from kimi_tools.tool import Tool

TOOLS: tuple[Tool, ...] = (
    search.search_text,
    search.find_files,
    files.read_file,
    files.write_file,
    edit.edit_file,
    edit.apply_patch,
    edit.rename_symbol,
    edit.undo,
    symbols.outline,
    symbols.find_symbol,
    symbols.find_references,
    symbols.repo_map,
    symbols.locate,
    testrun.run_tests,
    testrun.find_tests,
    git.git_status,
    git.git_diff,
    git.git_log,
    git.git_show,
    git.git_blame,
    git.git_commit,
    git.git_branch,
    shell.run_command,
)
