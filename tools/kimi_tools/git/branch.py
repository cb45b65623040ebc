"""`git_branch`: list branches, make one, switch to one; never at the price of changes."""

from kimi_tools.clip import clip_line, weight
from kimi_tools.errors import BadArguments, Conflict, NotAllowed, NotFound
from kimi_tools.git.branches import remember
from kimi_tools.gitcommand import Repository, fields, states
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

_FIELDS = 6


class GitBranchParams(Params):
    name: str = Param("Branch to switch to; empty: list", default="")
    create: bool = Param("Make it first", default=False)
    start: str = Param("Where a new one starts", default="HEAD")
    offset: int = Param("Branches to skip", default=0, ge=0)


class Branch(Data):
    """A local branch: name, commit, day of its last commit, upstream (empty: none)."""

    name: str
    commit: str
    date: str
    upstream: str


class GitBranch(Data):
    """`current` is empty on a detached HEAD. `branches`: the shown part of the `total`."""

    current: str
    total: int
    branches: list[Branch]


@tool("Git branch", "List branches, or create and switch; loses no changes.", toolset="git", effect="edits")
async def git_branch(workspace: Workspace, params: GitBranchParams) -> Result:
    repository = await Repository.open(workspace)
    if params.name:
        await _require_name(repository, params.name)
        return await _switch(repository, params)
    if params.create:
        raise BadArguments("A new branch needs a name.")
    return await _list(repository, params.offset)


async def _require_name(repository: Repository, name: str) -> None:
    """Raises `BadArguments` for what git does not take as a branch's name."""
    refused = name.startswith(("-", "@{")) or "\0" in name
    if not refused:
        done = await repository.run("check-ref-format", f"refs/heads/{name}", accept=(0, 1))
        refused = bool(done.exit_code)
    if refused or name == "HEAD":
        raise BadArguments(
            f"'{reveal_line(name)}' cannot be the name of a branch; use letters, digits, '-', '_', '/'."
        )


async def _current(repository: Repository) -> str:
    done = await repository.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


async def _exists(repository: Repository, name: str) -> bool:
    done = await repository.run("show-ref", "--verify", "--quiet", f"refs/heads/{name}", accept=(0, 1))
    return done.exit_code == 0


async def _switch(repository: Repository, params: GitBranchParams) -> Result:
    name = params.name
    exists = await _exists(repository, name)
    if params.create and exists:
        raise Conflict(f"The branch '{reveal_line(name)}' exists already; switch to it without create.")
    if not params.create and not exists:
        raise NotFound(f"There is no branch '{reveal_line(name)}'; list them, or set create=true.")
    current = await _current(repository)
    if current == name:
        return _told(f"Already on {reveal_line(name)}.", name)
    if under_way := states(repository.place):
        raise Conflict(f"The repository is {' and '.join(under_way)}; finish or abort that first.")
    stays = params.create and params.start == "HEAD"
    if (filters := repository.filters()) and not stays:
        raise NotAllowed(
            f"Files may go through filters that only this repository defines and that are not run "
            f"({', '.join(map(reveal_line, filters))}); switch with git yourself."
        )
    if params.create:
        head = await repository.head()
        if head is None:
            await repository.run("symbolic-ref", "HEAD", f"refs/heads/{name}")
            remember(repository.workspace, name)
            return _told(f"On the new branch {reveal_line(name)}, which has no commit yet.", name)
        start = await repository.commit_of(params.start)
        target = ["--no-track", "--create", name, start]
    else:
        target = [name]
    options = ("--no-guess", "--no-recurse-submodules", "--no-overwrite-ignore", "--quiet")
    await repository.run("switch", *options, *target)
    if params.create:
        remember(repository.workspace, name)
    made = "Made and switched to" if params.create else "Switched to"
    return _told(f"{made} {reveal_line(name)} (before: {reveal_line(current) or 'detached'}).", name)


def _told(sentence: str, current: str) -> Result:
    return Result(sentence, GitBranch(current=reveal_line(current), total=0, branches=[]))


async def _list(repository: Repository, offset: int) -> Result:
    form = "%00".join(
        (
            "%(HEAD)",
            "%(refname:lstrip=2)",
            "%(objectname)",
            "%(committerdate:short)",
            "%(upstream:short)",
            "%(subject)",
        )
    )
    done = await repository.run("for-each-ref", "--sort=-committerdate", f"--format={form}%00", "refs/heads")
    records = fields(done.stdout.replace(b"\0\n", b"\0"))
    rows = [records[at : at + _FIELDS] for at in range(0, len(records) - _FIELDS + 1, _FIELDS)]
    current = next((row[1] for row in rows if row[0] == "*"), "")
    lines = [f"{len(rows)} branches, on {reveal_line(current) or 'no branch (detached HEAD)'}"]
    branches: list[Branch] = []
    room = repository.workspace.result_chars - 200
    for mark, name, commit, date, upstream, subject in rows[offset:]:
        line = f"{mark} {reveal_line(name)} {commit[:10]} {date} {clip_line(reveal_line(subject), 100)}"
        room -= weight(line) + 2
        if room < 0 and branches:
            break
        lines.append(line)
        branches.append(
            Branch(name=reveal_line(name), commit=commit, date=date, upstream=reveal_line(upstream))
        )
    end = offset + len(branches)
    if offset or end < len(rows):
        more = f"; next: offset={end}" if end < len(rows) else ""
        lines.append(f"[shown {offset + 1}-{end} of {len(rows)}{more}]")
    return Result(
        "\n".join(lines), GitBranch(current=reveal_line(current), total=len(rows), branches=branches)
    )
