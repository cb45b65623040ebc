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
NAMES = 300
"""Identifiers of one file's changed lines that are looked at."""

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_CHANGED_LINE = re.compile(rb"^[+-](?![+-]{2} )(.*)$", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w{2,}")

Lines = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One changed file. `lines`: ranges (1-based, inclusive) of its present text; empty for a deleted file
    and for one that git does not know yet, of which everything is new. `before`: the same of the text in the
    last commit. `names`: the identifiers on the changed lines, old and new."""

    path: str
    lines: Lines = ()
    before: Lines = ()
    names: tuple[str, ...] = ()
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
            found.append(Changed(path, deleted=True))
        else:
            found.append(Changed(path) if state in ("??", "A ") else await _changed(repository, path))
    return sorted(found, key=lambda change: change.path)


async def _changed(repository: Repository, path: str) -> Changed:
    try:
        done = await repository.run(
            *("diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=0", "HEAD", "--", path)
        )
    except ToolError:  # a repository without a commit
        return Changed(path)
    before: list[tuple[int, int]] = []
    after: list[tuple[int, int]] = []
    for match in _HUNK.finditer(done.stdout):
        before.append(_range(match[1], match[2]))
        after.append(_range(match[3], match[4]))
    text = b"\n".join(_CHANGED_LINE.findall(done.stdout)).decode("utf-8", "replace")
    return Changed(path, tuple(after), tuple(before), tuple(dict.fromkeys(_NAME.findall(text)))[:NAMES])


def _range(first: bytes, count: bytes | None) -> tuple[int, int]:
    """The lines of one side of a hunk; where that is empty, the lines around the place."""
    start, length = int(first), int(count or 1)
    return (max(start, 1), start + length - 1 if length else start + 1)


async def committed_text(workspace: Workspace, path: str) -> bytes | None:
    """A file's bytes in the last commit; None where it has none."""
    try:
        repository = await Repository.open(workspace)
        return (await repository.run("cat-file", "blob", f"HEAD:{path}")).stdout
    except ToolError:
        return None


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
