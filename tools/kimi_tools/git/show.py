"""`git_show`: one commit, or a file or directory as a commit has it."""

from kimi_tools.clip import clip, clip_line, weight
from kimi_tools.errors import BadArguments, PathRefused
from kimi_tools.git.objects import blob, thing_at, tree
from kimi_tools.git.patch import OPTIONS, ChangedFile, changed_files, lay_out, read_patch, totals
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal, reveal_line
from kimi_tools.workspace import Content, Workspace

_MESSAGE_CHARS = 3_000


class GitShowParams(Params):
    revision: str = Param("Commit, branch or tag", default="HEAD")
    path: str = Param("This file or directory as it was there; empty: the commit", default="")
    offset: int = Param("Lines to skip", default=0, ge=0)


class ShownCommit(Data):
    """A commit, its changed files, and the lines `offset` + 1 to `end` of its patch's `total`.

    A merge is compared with its first parent.
    """

    commit: str
    parents: list[str]
    author: str
    date: str
    message: str
    files: list[ChangedFile]
    total: int
    offset: int
    end: int
    patch: str


class ShownFile(Data):
    """The lines `offset` + 1 to `end` of the `total` that a file or directory has in a commit."""

    commit: str
    path: str
    total: int
    offset: int
    end: int
    text: str


@tool("Git show", "Show a commit, or a file as it was in one.", toolset="git", effect="reads")
async def git_show(workspace: Workspace, params: GitShowParams) -> Result:
    repository = await Repository.open(workspace)
    commit = await repository.commit_of(params.revision)
    if params.path:
        return await _path(repository, params, commit, workspace.relative(params.path))
    return await _commit(repository, params, commit)


async def _commit(repository: Repository, params: GitShowParams, commit: str) -> Result:
    form = "--format=%P%x00%an <%ae>%x00%aI%x00%B"
    done = await repository.run(
        "log", "-z", "--no-patch", "--no-notes", "--no-color", "--max-count=1", form, commit
    )
    parents, author, date, message = (fields(done.stdout) + [""] * 4)[:4]
    command = ["diff-tree", "--no-commit-id", "-r", "--root", *OPTIONS]
    ends = [parents.split(" ")[0], commit] if parents else [commit]
    reader, secret = await read_patch(repository, [*command, *ends], [], params.offset)
    if params.offset and params.offset >= reader.total:
        raise BadArguments(
            f"The patch has {reader.total:,} lines; an offset of {params.offset:,} is behind them."
        )
    message = clip(reveal(message).strip(), _MESSAGE_CHARS)
    files = changed_files(reader)
    head = [f"commit {commit[:10]} {date[:10]} {reveal_line(author)}, {totals(files)}"]
    if params.offset == 0:
        head += [f"    {line}" for line in message.splitlines()]
        if " " in parents:
            head.append(f"merge of {parents.replace(' ', ', ')}; compared with the first")
    text, patch, end = lay_out(head, reader, secret, repository.workspace.result_chars)
    data = ShownCommit(
        commit=commit,
        parents=parents.split(),
        author=reveal_line(author),
        date=date,
        message=message,
        files=files,
        total=reader.total,
        offset=params.offset,
        end=end,
        patch=patch,
    )
    return Result(text, data)


async def _path(repository: Repository, params: GitShowParams, commit: str, path: str) -> Result:
    thing = await thing_at(repository, commit, path)
    if thing.kind == "tree":
        rows = await tree(repository, thing)
        what = f"{path}: {len(rows)} entries"
    elif thing.kind == "blob":
        data = await blob(repository, commit, path, thing)
        try:
            texts = Content.decode(path, data).text.splitlines()
        except PathRefused:
            raise PathRefused(
                f"'{path}' is binary there ({thing.size:,} bytes); only text is shown."
            ) from None
        rows = [f"{number:>5}  {clip_line(reveal_line(line))}" for number, line in enumerate(texts, 1)]
        what = f"{path}: {len(rows)} lines"
    else:
        raise PathRefused(f"'{path}' is a submodule there; its files are in another repository.")
    if params.offset and params.offset >= len(rows):
        raise BadArguments(f"There are {len(rows):,} lines; an offset of {params.offset:,} is behind them.")
    head = f"{reveal_line(what)} in {commit[:10]}"
    room = repository.workspace.result_chars - weight(head) - 150
    shown: list[str] = []
    for row in rows[params.offset :]:
        room -= weight(row) + 2
        if room < 0 and shown:
            break
        shown.append(row)
    end = params.offset + len(shown)
    lines = [head, *shown]
    if params.offset or end < len(rows):
        more = f"; next: offset={end}" if end < len(rows) else ""
        lines.append(f"[shown {params.offset + 1}-{end} of {len(rows)}{more}]")
    text = "\n".join(shown)
    shown_file = ShownFile(
        commit=commit, path=reveal_line(path), total=len(rows), offset=params.offset, end=end, text=text
    )
    return Result("\n".join(lines), shown_file)
