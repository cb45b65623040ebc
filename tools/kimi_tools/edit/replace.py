"""The tool `edit_file`."""

import anyio.to_thread

from kimi_tools import journal
from kimi_tools.clip import clip
from kimi_tools.edit import ladder, nearest
from kimi_tools.edited import describe, introduced_errors
from kimi_tools.errors import BadArguments, NotFound, TextNotFound, TextNotUnique
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Content, Stale, Workspace
from kimi_tools.workspace.content import digest

_TELLING = 8
"""Characters from which on a replacement that stands in the file tells that the edit was made."""


class EditFileParams(Params):
    path: str = Param("File")
    old: str = Param("Text to replace; must occur once")
    new: str = Param("Replacement, literal")
    all: bool = Param("Replace every occurrence", default=False)
    hash: str = Param("Refuse if the file's hash differs", default="")


class Edited(Data):
    """An edit: how many places, at which lines of the new file, how the text was matched, what broke."""

    path: str
    places: int
    lines: tuple[int, ...]
    matched: str
    syntax_errors: tuple[str, ...]
    hash: str


@tool(
    "Edit a file",
    "Replace text in a file. Small differences in whitespace, quotes or line ends are bridged if the place "
    "stays unique; the result shows the diff and any syntax error introduced.",
    toolset="edit",
    effect="edits",
)
async def edit_file(workspace: Workspace, params: EditFileParams) -> Result:
    return await anyio.to_thread.run_sync(_edit, workspace, params)


def _edit(workspace: Workspace, params: EditFileParams) -> Result:
    if not params.old:
        return _fill(workspace, params)
    if params.old == params.new:
        raise BadArguments("'old' and 'new' are the same; nothing would change.")
    content = workspace.read(params.path)
    if params.hash and params.hash != content.hash:
        raise Stale(
            f"'{content.path}' has hash {content.hash}, not {params.hash}: it changed since it was read; "
            "read it again."
        )
    found = ladder.find(content.text, params.old, params.new, content.newline)
    if found is None:
        if len(params.new.strip()) >= _TELLING and (at := content.text.find(params.new)) >= 0:
            line = content.text.count("\n", 0, at) + 1
            raise TextNotFound(
                f"The text is not in '{content.path}', but its replacement is, at line {line}: this edit seems "
                "to be made already."
            )
        wanted = [line.removesuffix("\r") for line in params.old.removesuffix("\n").split("\n")]
        near = nearest.explain(content, wanted, "old as given")
        raise TextNotFound(f"The text is not in '{content.path}'. {near}")
    if len(found.splices) > 1 and not params.all:
        raise TextNotUnique(_not_unique(content, found))
    found = found.apart()
    after = content.spliced(found.splices)
    if after == content.data:
        raise BadArguments(f"'{content.path}' has that text already; nothing would change.")
    journal.apply(workspace, "edit_file", [journal.Change(content.path, content.data, after)])
    lines = _new_lines(content, found)
    places = f"{len(lines)} places, lines" if len(lines) > 1 else "line"
    shown = ", ".join(str(line) for line in lines[:20]) + (" …" if len(lines) > 20 else "")
    how = f", matched {found.rung}" if found.rung != ladder.EXACT else ""
    done = f"Edited {content.path} ({places} {shown}{how})"
    errors = introduced_errors(content.path, content.data, after)
    text = clip(describe(content.path, content.data, after, done, errors), workspace.result_chars)
    data = Edited(
        path=content.path,
        places=len(lines),
        lines=tuple(lines),
        matched=found.rung,
        syntax_errors=errors,
        hash=digest(after),
    )
    return Result(text, data)


def _fill(workspace: Workspace, params: EditFileParams) -> Result:
    """An empty `old` means a file that is empty or not there yet, as in other editors' tools."""
    path = workspace.relative(params.path)
    try:
        before = workspace.read_bytes(path)
    except NotFound:
        before = None
    if before or not params.new:
        raise BadArguments(
            "'old' is empty, which only fills an empty or new file; give the text to replace, or use write_file "
            "for a whole file."
        )
    try:
        after = params.new.encode()
    except UnicodeEncodeError as error:
        raise BadArguments(f"'new' holds {params.new[error.start]!r}, which is not a character.") from None
    journal.apply(workspace, "edit_file", [journal.Change(path, before, after)])
    errors = introduced_errors(path, before, after)
    done = f"{'Created' if before is None else 'Filled'} {path} ({len(params.new.splitlines())} lines)"
    data = Edited(
        path=path, places=1, lines=(1,), matched=ladder.EXACT, syntax_errors=errors, hash=digest(after)
    )
    return Result(clip(describe(path, None, after, done, errors), workspace.result_chars), data)


def _new_lines(content: Content, found: ladder.Found) -> list[int]:
    """The line of each replacement in the new text."""
    lines: list[int] = []
    added = 0
    for splice in found.splices:
        lines.append(content.text.count("\n", 0, splice.start) + 1 + added)
        added += splice.text.count("\n") - content.text.count("\n", splice.start, splice.end)
    return lines


def _not_unique(content: Content, found: ladder.Found) -> str:
    lines = [content.text.count("\n", 0, splice.start) + 1 for splice in found.splices]
    shown = ", ".join(str(line) for line in lines[:10]) + (" …" if len(lines) > 10 else "")
    how = "" if found.rung == ladder.EXACT else f" ({found.rung})"
    return (
        f"The text occurs {len(lines)} times in '{content.path}'{how}, at lines {shown}; "
        "include more lines around the one you mean, or set all=true."
    )
