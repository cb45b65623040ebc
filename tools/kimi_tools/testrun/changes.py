"""What differs from the last commit: files, and the lines of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_tools.errors import BadArguments, NotFound, ToolError
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.workspace import Workspace

HISTORY_PATHS = 8
HISTORY_COMMITS = 60
HISTORY_FILES = 25

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


async def committed_together(workspace: Workspace, paths: Sequence[str]) -> dict[str, float]:
    """How often each other file was part of the last commits of one of the paths, 0 to 1.

    Large commits say little and are left out. Empty where there is no history.
    """
    found: dict[str, float] = {}
    for path in paths[:HISTORY_PATHS]:
        try:
            repository = await Repository.open(workspace)
            done = await repository.run(
                *("log", "--full-diff", "--name-only", "--no-renames", "--no-merges", "--format=%x01", "-z"),
                *(f"--max-count={HISTORY_COMMITS}", "HEAD", "--", path),
            )
        except ToolError:
            return found
        commits = [
            commit.strip("\0\n").split("\0") for commit in "\0".join(fields(done.stdout)).split("\x01")
        ]
        small = [[name.strip("\n") for name in c] for c in commits if 1 < len(c) <= HISTORY_FILES]
        for name in {name for commit in small for name in commit} - {path}:
            share = sum(name in commit for commit in small) / (len(small) + 2)
            found[name] = max(found.get(name, 0.0), share)
    return found
