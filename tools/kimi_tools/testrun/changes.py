"""What differs from the last commit: files, and the lines of them."""

import re
from dataclasses import dataclass

from kimi_tools.errors import BadArguments, NotFound, ToolError
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.workspace import Workspace

_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Changed:
    """One changed file. `lines`: ranges (1-based, inclusive) of its present text; empty for a deleted file
    and for one that git does not know yet, of which everything is new."""

    path: str
    lines: tuple[tuple[int, int], ...]
    deleted: bool = False


async def changed_files(workspace: Workspace) -> list[Changed]:
    """Every file that differs from the last commit, new ones too, by path.

    Raises `BadArguments` where there is no git repository to compare with.
    """
    try:
        repository = await Repository.open(workspace)
        status = await repository.run(
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=all",
        )
    except NotFound as error:
        raise BadArguments(f"What has changed is not known: {error} Use paths= or names=.") from None
    found: list[Changed] = []
    for record in fields(status.stdout):
        state, path = record[:2], record[3:]
        if "D" in state and not workspace.exists(path):
            found.append(Changed(path, (), deleted=True))
        else:
            found.append(Changed(path, () if state in ("??", "A ") else await _lines(repository, path)))
    return sorted(found, key=lambda change: change.path)


async def _lines(repository: Repository, path: str) -> tuple[tuple[int, int], ...]:
    try:
        done = await repository.run(
            *("diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=0", "HEAD", "--", path)
        )
    except ToolError:  # a repository without a commit
        return ()
    found: list[tuple[int, int]] = []
    for match in _HUNK.finditer(done.stdout):
        first, count = int(match[1]), int(match[2] or 1)
        found.append((max(first, 1), first + max(count, 1) - 1 if count else first + 1))
    return tuple(found)
