"""The textual tier: where a word stands in any text, code or not."""

from kimi_tools.errors import ToolError
from kimi_tools.protected import names_secret
from kimi_tools.ripgrep import Scope, ripgrep
from kimi_tools.workspace import Workspace

_SECONDS = 20.0
_BYTES = 4 * 1024 * 1024


async def lines_with_word(workspace: Workspace, word: str) -> list[tuple[str, int]]:
    """The lines (path, 1-based line) that hold a word, in all files that are not ignored, sorted.

    Empty when the search cannot be done; the first 4 MB of matches when there are more.
    """
    scope = Scope()
    options = (
        "--fixed-strings",
        "--word-regexp",
        "--line-number",
        "--no-heading",
        "--with-filename",
        "--null",
    )
    try:
        done = await ripgrep(
            workspace,
            [*options, "--max-columns=1", *scope.arguments(), f"--regexp={word}", "--", scope.target],
            timeout=_SECONDS,
            output_bytes=_BYTES,
        )
    except ToolError:
        return []
    found: list[tuple[str, int]] = []
    for row in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        path, mark, rest = row.removeprefix("./").partition("\0")
        line = rest.partition(":")[0]
        if mark and line.isdecimal() and not names_secret(path):
            found.append((path, int(line)))
    return sorted(found)
