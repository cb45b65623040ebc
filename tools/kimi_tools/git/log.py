"""`git_log`: the commits that touched a path, a symbol's lines or a text."""

import re

from kimi_tools.clip import clip_line, weight
from kimi_tools.errors import BadArguments
from kimi_tools.git.lines import lines_of
from kimi_tools.git.objects import blob
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

_FIELDS = 4


class GitLogParams(Params):
    path: str = Param("File or directory; files are followed through renames", default="")
    symbol: str = Param("Function or class in path: history of its lines", default="")
    text: str = Param("Commits that add or remove this text", default="")
    regex: bool = Param("text is a regex, in changed lines", default=False)
    author: str = Param("Name or mail", default="")
    since: str = Param("Date or '2 weeks ago'", default="")
    revision: str = Param("Start, or A..B", default="HEAD")
    offset: int = Param("Commits to skip", default=0, ge=0)
    limit: int = Param("At most", default=20, ge=1, le=200)


class Commit(Data):
    """One commit: full name, author, author date (ISO 8601), first line of its message."""

    commit: str
    author: str
    date: str
    subject: str


class GitLog(Data):
    """Commits, newest first; `more` says whether older ones follow."""

    commits: list[Commit]
    offset: int
    more: bool


@tool("Git log", "List commits by path, symbol or text, newest first.", toolset="git", effect="reads")
async def git_log(workspace: Workspace, params: GitLogParams) -> Result:
    repository = await Repository.open(workspace)
    head = await repository.head() if params.revision == "HEAD" else ""
    if head is None:
        return Result("No commit yet on this branch.", GitLog(commits=[], offset=0, more=False))
    path = workspace.relative(params.path) if params.path else ""
    arguments = [head] if head else await _range(repository, params.revision)
    arguments += await _selection(repository, params, path, arguments[0])
    done = await repository.run(
        *(
            "log",
            "-z",
            "--no-patch",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=dirty",
            "--no-color",
            "--no-notes",
            "--no-show-signature",
            "--no-decorate",
        ),
        "--format=tformat:%H%x00%an%x00%aI%x00%s",
        *(f"--skip={params.offset}", f"--max-count={params.limit + 1}", *arguments),
    )
    commits = _commits(fields(done.stdout))
    if not commits:
        said = f"No commit fits{' behind this offset' if params.offset else ''}; ask with fewer conditions."
        return Result(said, GitLog(commits=[], offset=params.offset, more=False))
    return _page(params, commits, workspace.result_chars)


async def _range(repository: Repository, revision: str) -> list[str]:
    if found := re.fullmatch(r"(.*?)(\.\.\.?)(.*)", revision):
        left, dots, right = found.groups()
        ends = [await repository.commit_of(end or "HEAD") for end in (right, left)]
        return [ends[0], f"^{ends[1]}"] if dots == ".." else [f"{ends[1]}...{ends[0]}"]
    return [await repository.commit_of(revision)]


async def _selection(repository: Repository, params: GitLogParams, path: str, start: str) -> list[str]:
    """The options that choose commits; values are joined to their option, so they can be nothing else."""
    chosen: list[str] = []
    if params.text:
        chosen.append(f"{'-G' if params.regex else '-S'}{params.text}")
    if params.author:
        chosen += (
            ["--regexp-ignore-case", f"--author={params.author}"]
            if not params.text
            else [f"--author={params.author}"]
        )
    if params.since:
        chosen.append(f"--since={params.since}")
    if params.symbol:
        if not path:
            raise BadArguments("A symbol needs the path of the file that defines it.")
        first, last = lines_of(params.symbol, path, await blob(repository, start, path))
        return [*chosen, f"-L{first},{last}:{path}"]
    if not path or path == ".":
        return chosen
    follow = ["--follow"] if repository.workspace.exists(path) and not _is_directory(repository, path) else []
    return [*chosen, *follow, "--", path]


def _is_directory(repository: Repository, path: str) -> bool:
    return repository.workspace.stat(path).kind == "directory"


def _commits(records: list[str]) -> list[Commit]:
    found: list[Commit] = []
    for at in range(0, len(records) - _FIELDS + 1, _FIELDS):
        name, author, date, subject = records[at : at + _FIELDS]
        found.append(
            Commit(
                commit=name.strip(),
                author=reveal_line(author)[:80],
                date=date,
                subject=clip_line(reveal_line(subject), 200),
            )
        )
    return found


def _page(params: GitLogParams, commits: list[Commit], room: int) -> Result:
    lines: list[str] = []
    room -= 150
    for commit in commits[: params.limit]:
        line = f"{commit.commit[:10]} {commit.date[:10]} {commit.author}: {commit.subject}"
        room -= weight(line) + 2
        if room < 0 and lines:
            break
        lines.append(line)
    end = params.offset + len(lines)
    more = len(lines) < len(commits)
    rest = f"there are more; next: offset={end}" if more else "no more"
    lines.append(f"[shown commits {params.offset + 1}-{end}; {rest}]")
    return Result(
        "\n".join(lines), GitLog(commits=commits[: end - params.offset], offset=params.offset, more=more)
    )
