"""`git_blame`: which commit last changed each line of a range or a symbol."""

from dataclasses import dataclass

from kimi_tools.clip import clip_line, weight
from kimi_tools.errors import BadArguments, NotFound, ToolError
from kimi_tools.git.lines import lines_of
from kimi_tools.git.objects import blob
from kimi_tools.gitcommand import Repository
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

_LINE_CHARS = 200
_SUBJECT_CHARS = 100


class GitBlameParams(Params):
    path: str = Param("File")
    start: int = Param("First line", default=1, ge=1)
    count: int = Param("Lines at most", default=100, ge=1, le=1000)
    symbol: str = Param("Function or class instead of lines", default="")
    revision: str = Param("Empty: as in the work tree", default="")


class BlamedRun(Data):
    """Lines in a row that one commit changed last; `commit` is zeros for lines that are not committed."""

    commit: str
    author: str
    date: str
    subject: str
    first: int
    last: int


class GitBlame(Data):
    """The lines `first` to `last` of `total`, as runs."""

    path: str
    first: int
    last: int
    total: int
    runs: list[BlamedRun]


@dataclass(slots=True)
class _Line:
    commit: str
    text: str


@tool("Git blame", "Show who last changed each line, and in which commit.", toolset="git", effect="reads")
async def git_blame(workspace: Workspace, params: GitBlameParams) -> Result:
    repository = await Repository.open(workspace)
    path = workspace.relative(params.path)
    commit = await repository.commit_of(params.revision) if params.revision else ""
    data = await blob(repository, commit, path) if commit else workspace.read_bytes(workspace.real_path(path))
    total = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    first, last = params.start, min(params.start + params.count - 1, total)
    if params.symbol:
        first, last = lines_of(params.symbol, path, data)
    if first > total:
        raise BadArguments(f"'{path}' has {total:,} lines; there is no line {first:,}.")
    done = await repository.run(
        *(
            "blame",
            "--porcelain",
            "--no-progress",
            "--no-textconv",
            "--root",
            f"-L{first},{last}",
            *([commit] if commit else []),
        ),
        *("--", path),
        accept=(0, 128),
    )
    if done.exit_code:
        if b"no such path" in done.stderr:
            raise NotFound(f"'{path}' is not committed, so no line of it has a history; git_status shows it.")
        if b"invalid object name" in done.stderr:  # its text quotes the file, which may lie anywhere
            raise ToolError(
                "The file that blame.ignoreRevsFile names is no list of commits; correct that setting."
            )
        raise repository.explain("blame", done.stderr)
    lines, about = _parse(done.stdout)
    return _page(path, first, total, lines, about, workspace.result_chars)


def _parse(output: bytes) -> tuple[list[_Line], dict[str, dict[str, str]]]:
    """The lines with their commits, and what is said of each commit."""
    lines: list[_Line] = []
    about: dict[str, dict[str, str]] = {}
    commit = ""
    for raw in output.split(b"\n"):
        line = raw.decode("utf-8", "replace")
        if raw.startswith(b"\t"):
            lines.append(_Line(commit, clip_line(reveal_line(line[1:].rstrip("\r")), _LINE_CHARS)))
            commit = ""
        elif not commit:
            commit = line.partition(" ")[0]
            about.setdefault(commit, {})
        else:
            name, _, value = line.partition(" ")
            about[commit].setdefault(name, value)
    return lines, about


def _page(
    path: str, first: int, total: int, lines: list[_Line], about: dict[str, dict[str, str]], room: int
) -> Result:
    shown: list[str] = []
    runs: list[BlamedRun] = []
    room -= 200
    number = first - 1
    for line in lines:
        starts = not runs or runs[-1].commit != line.commit
        run = _run(line.commit, about[line.commit], number + 1) if starts else runs[-1]
        rows = [_title(run)] * starts + [f"{number + 1:>6}  {line.text}"]
        room -= sum(weight(row) + 2 for row in rows)
        if room < 0 and shown:
            break
        number += 1
        shown += rows
        runs = [*(runs if starts else runs[:-1]), run.model_copy(update={"last": number})]
    head = f"{reveal_line(path)} lines {first}-{number} of {total}"
    if number < first + len(lines) - 1:
        shown.append(
            f"[shown lines {first}-{number} of {first}-{first + len(lines) - 1}; next: start={number + 1}]"
        )
    data = GitBlame(path=reveal_line(path), first=first, last=number, total=total, runs=runs)
    return Result("\n".join([head, *shown]), data)


def _run(commit: str, about: dict[str, str], number: int) -> BlamedRun:
    seconds = int(about.get("author-time", "0"))
    return BlamedRun(
        commit=commit,
        author=reveal_line(about.get("author", ""))[:60],
        date=_day(seconds, about.get("author-tz", "+0000")),
        subject=clip_line(reveal_line(about.get("summary", "")), _SUBJECT_CHARS),
        first=number,
        last=number,
    )


def _day(seconds: int, zone: str) -> str:
    """The author's own date."""
    from datetime import datetime, timedelta, timezone

    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (-1 if zone.startswith("-") else 1)
    return datetime.fromtimestamp(seconds, timezone(offset)).date().isoformat()


def _title(run: BlamedRun) -> str:
    if not run.commit.strip("0"):
        return "not committed"
    return f"{run.commit[:10]} {run.date} {run.author}: {run.subject}"
