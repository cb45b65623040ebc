"""`git_status`: where the repository stands and what is not committed."""

from collections.abc import Callable

from kimi_tools.clip import weight
from kimi_tools.git.entries import Entry, Status, read_status
from kimi_tools.gitcommand import Repository, remarks, states
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

_FOOT = 400


class GitStatusParams(Params):
    offset: int = Param("Paths to skip", default=0, ge=0)


class StatusEntry(Data):
    """A changed path with git's two letters: index against HEAD, work tree against index."""

    path: str
    staged: str
    unstaged: str
    origin: str


class GitStatus(Data):
    """`branch` is empty on a detached HEAD, `head` before the first commit; `states` is what is under way."""

    branch: str
    head: str
    upstream: str
    ahead: int
    behind: int
    states: list[str]
    remarks: list[str]
    total: int
    entries: list[StatusEntry]


@tool("Git status", "Show branch, unfinished merges and changed paths.", toolset="git", effect="reads")
async def git_status(workspace: Workspace, params: GitStatusParams) -> Result:
    repository = await Repository.open(workspace)
    status = await read_status(repository)
    under_way = states(repository.place)
    said = remarks(repository.place, repository.own_settings, repository.filters())
    head = headline(status, under_way)
    lines = [head, *said]
    room = workspace.result_chars - sum(weight(line) + 2 for line in lines) - _FOOT
    grouped = [(title, entry) for title, fits in _GROUPS for entry in status.entries if fits(entry)]
    shown: list[Entry] = []
    last = ""
    for title, entry in grouped[params.offset :]:
        row = _row(title, entry)
        room -= weight(row) + weight(title) + 4
        if room < 0 and shown:
            break
        lines += [row] if title == last else [f"{title}:", row]
        last = title
        shown.append(entry)
    end = params.offset + len(shown)
    if end < len(grouped) or params.offset:
        more = f"; next: offset={end}" if end < len(grouped) else ""
        lines.append(f"[shown {params.offset + 1}-{end} of {len(grouped)} changes{more}]")
    return Result("\n".join(lines), _data(status, under_way, said, shown))


_GROUPS: tuple[tuple[str, Callable[[Entry], bool]], ...] = (
    ("conflicts", lambda entry: entry.unmerged),
    ("staged", lambda entry: entry.staged not in ".?" and not entry.unmerged),
    ("unstaged", lambda entry: entry.unstaged not in ".?" and not entry.unmerged),
    ("untracked", lambda entry: entry.untracked),
)


def headline(status: Status, under_way: list[str]) -> str:
    """The first line: branch, distance to its upstream, what is under way, how much changed."""
    where = f"On branch {reveal_line(status.branch)}" if status.branch else f"Detached at {status.head[:10]}"
    if not status.head:
        where += ", no commit yet"
    if status.upstream:
        distance = [f"{status.ahead} ahead of"] * bool(status.ahead) + [f"{status.behind} behind"] * bool(
            status.behind
        )
        where += f", {' and '.join(distance) or 'level with'} {reveal_line(status.upstream)}"
    counts = [(sum(map(fits, status.entries)), title) for title, fits in _GROUPS]
    what = ", ".join(f"{count} {title}" for count, title in counts if count) or "clean"
    return f"{', '.join([where, *under_way])}: {what}"


def _row(title: str, entry: Entry) -> str:
    path = reveal_line(entry.path)
    if title == "untracked":
        return f"  {path}"
    letter = {"staged": entry.staged, "unstaged": entry.unstaged}.get(
        title, f"{entry.staged}{entry.unstaged}"
    )
    if entry.origin and letter in "RC":
        return f"  {letter} {reveal_line(entry.origin)} -> {path}"
    return f"  {letter} {path}"


def _data(status: Status, under_way: list[str], said: list[str], shown: list[Entry]) -> GitStatus:
    return GitStatus(
        branch=reveal_line(status.branch),
        head=status.head,
        upstream=reveal_line(status.upstream),
        ahead=status.ahead,
        behind=status.behind,
        states=under_way,
        remarks=said,
        total=len(status.entries),
        entries=[
            StatusEntry(
                path=reveal_line(entry.path),
                staged=entry.staged,
                unstaged=entry.unstaged,
                origin=reveal_line(entry.origin),
            )
            for entry in dict.fromkeys(shown)
        ],
    )
