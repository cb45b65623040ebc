"""`git_diff`: what changed, between the work tree, the index and any commits."""

import re

from kimi_tools.errors import BadArguments
from kimi_tools.git.patch import OPTIONS, ChangedFile, changed_files, lay_out, read_patch, totals
from kimi_tools.gitcommand import Repository
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace


class GitDiffParams(Params):
    target: str = Param(
        "Empty: uncommitted; 'staged', 'unstaged', a revision (against the work tree), A..B or A...B",
        default="",
    )
    paths: list[str] = Param("Only these", default=[])
    context: int = Param("Lines around", default=3, ge=0, le=100)
    offset: int = Param("Patch lines to skip", default=0, ge=0)


class GitDiff(Data):
    """The changed files, and the lines `offset` + 1 to `end` of the patch's `total`."""

    files: list[ChangedFile]
    total: int
    offset: int
    end: int
    patch: str


@tool("Git diff", "Show changes: statistics, then the patch.", toolset="git", effect="reads")
async def git_diff(workspace: Workspace, params: GitDiffParams) -> Result:
    repository = await Repository.open(workspace)
    paths = [workspace.relative(path) for path in params.paths]
    ends = await _ends(repository, params.target)
    command = ["diff", *OPTIONS, f"--unified={params.context}", *ends]
    reader, secret = await read_patch(repository, command, paths, params.offset)
    files = changed_files(reader)
    if params.offset and params.offset >= reader.total:
        raise BadArguments(
            f"The patch has {reader.total:,} lines; an offset of {params.offset:,} is behind them."
        )
    if not files:
        where = f" in {', '.join(paths)}" if paths else ""
        said = f"No changes{where}. Untracked files are not in a diff; git_status lists them."
        if secret:
            said = f"Only files of secrets changed{where}; they are not shown."
        return Result(said, GitDiff(files=[], total=0, offset=0, end=0, patch=""))
    text, patch, end = lay_out([totals(files)], reader, secret, workspace.result_chars)
    return Result(text, GitDiff(files=files, total=reader.total, offset=params.offset, end=end, patch=patch))


async def _ends(repository: Repository, target: str) -> list[str]:
    """What is compared, with every revision as the full name of a commit."""
    if target == "unstaged":
        return []
    if target in ("", "staged"):
        base = await repository.head() or await _empty_tree(repository)
        return [*(["--cached"] if target else []), base]
    if found := re.fullmatch(r"(.*?)(\.\.\.?)(.*)", target):
        left, dots, right = found.groups()
        first = await repository.commit_of(left or "HEAD")
        second = await repository.commit_of(right or "HEAD")
        return [f"{first}...{second}"] if dots == "..." else [first, second]
    return [await repository.commit_of(target)]


async def _empty_tree(repository: Repository) -> str:
    """The tree of no files, against which a branch without commits is compared."""
    done = await repository.run("hash-object", "-t", "tree", "--stdin", stdin=b"")
    return done.text.strip()
