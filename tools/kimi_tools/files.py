"""Reading and writing whole files."""

import difflib

import anyio.to_thread

from kimi_tools import journal, syntax
from kimi_tools.clip import clip, clip_line, weight
from kimi_tools.edited import describe, introduced_errors
from kimi_tools.errors import BadArguments, Conflict, NotFound
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal
from kimi_tools.workspace import Content, Stale, Workspace
from kimi_tools.workspace.content import digest

_LINE_CHARS = 2_000


class ReadFileParams(Params):
    path: str = Param("File or directory")
    start: int = Param("First line", default=1, ge=1)
    count: int = Param("Lines at most", default=400, ge=1)
    symbol: str = Param("Show this class or function instead", default="")


class FileText(Data):
    """Lines `first` to `last` (1-based, inclusive) of `total`; for a directory, its entries.

    `text` is exact, hidden code points included; it may end before `last` where the result was cut.
    """

    path: str
    first: int
    last: int
    total: int
    text: str
    hash: str


@tool(
    "Read a file",
    "Read numbered lines of a text file, or list a directory. The hash in the first line guards later edits.",
    toolset="files",
    effect="reads",
)
async def read_file(workspace: Workspace, params: ReadFileParams) -> Result:
    if workspace.stat(params.path).kind == "directory":
        return _listing(workspace, params)
    return await anyio.to_thread.run_sync(_read, workspace, params)


def _read(workspace: Workspace, params: ReadFileParams) -> Result:
    content = workspace.read(params.path)
    lines = content.lines
    total = len(lines)
    first, end = params.start, min(total, params.start + params.count - 1)
    what = ""
    if params.symbol:
        definition = _definition(content, params.symbol)
        first = max(definition.first_line, params.start)
        end = min(definition.last_line, first + params.count - 1)
        what = f" {definition.kind} {definition.qualified}"
    if total and first > total:
        raise BadArguments(f"'{content.path}' has {total} lines; 'start' is {first}.")
    head = f"{content.path}{what}{{}}, hash {content.hash}{_peculiar(content)}"
    width = len(str(end))
    numbered = [
        f"{number:>{width}}  {reveal(clip_line(line, _LINE_CHARS))}"
        for number, line in enumerate(lines[first - 1 : end], first)
    ]
    shown = _fitting(numbered, workspace.result_chars - weight(head) - 100)
    last = first + len(shown) - 1
    text = [head.format(f" lines {first}-{last} of {total}" if total else " is empty"), *shown]
    if last < (end if params.symbol else total):
        text.append(f"[lines {first}-{last} of {total}; continue with start={last + 1}]")
    body = "\n".join(lines[first - 1 : last])
    data = FileText(path=content.path, first=first, last=last, total=total, text=body, hash=content.hash)
    return Result(clip("\n".join(text), workspace.result_chars), data)


def _definition(content: Content, symbol: str) -> syntax.Definition:
    """The definition that a name, or the end of a dotted name, means. Raises `NotFound`, `BadArguments`."""
    known = syntax.definitions(content.path, content.utf8)
    wanted = symbol.strip().removesuffix("()").replace("::", ".").replace("#", ".")
    found = [one for one in known if one.qualified == wanted] or [
        one for one in known if f".{one.qualified}".endswith(f".{wanted}")
    ]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(f"{one.qualified} (start={one.first_line})" for one in found[:10])
        raise BadArguments(f"'{symbol}' is defined {len(found)} times in '{content.path}': {places}.")
    near = difflib.get_close_matches(wanted, [one.qualified for one in known], n=5, cutoff=0.3)
    hint = f"nearest: {', '.join(near)}" if near else "look with outline or find_symbol"
    raise NotFound(f"'{symbol}' is not defined in '{content.path}'; {hint}.")


def _peculiar(content: Content) -> str:
    """What is unusual about the file's bytes, for the first line."""
    notes: list[str] = []
    if content.encoding != "utf-8" or content.mark or content.strays:
        stray = f" with {len(content.strays)} stray bytes" if content.strays else ""
        notes.append(content.encoding + (" with BOM" if content.mark else "") + stray)
    if content.newline != "\n":
        notes.append({"\r\n": "CRLF", "\r": "CR"}[content.newline])
    if content.text and not content.text.endswith(("\n", "\r")):
        notes.append("no final newline")
    return f" ({', '.join(notes)})" if notes else ""


def _fitting(lines: list[str], room: int) -> list[str]:
    """As many lines, from the front and at least one, as fit into the room."""
    used = 0
    for index, line in enumerate(lines):
        used += weight(line) + 2
        if used > room and index:
            return lines[:index]
    return lines


def _listing(workspace: Workspace, params: ReadFileParams) -> Result:
    path = workspace.relative(params.path)
    entries = workspace.list_directory(path)
    total = len(entries)
    named = [
        reveal(entry.path.rpartition("/")[2])
        + {"directory": "/", "symlink": "@", "other": " (not a file)"}.get(entry.kind, f"  {entry.size:,} B")
        for entry in entries[params.start - 1 : params.start - 1 + params.count]
    ]
    shown = _fitting(named, workspace.result_chars - 200)
    last = params.start + len(shown) - 1
    text = [f"{path}/ holds {total} entries", *shown]
    if last < total:
        text.append(f"[{params.start}-{last} of {total}; continue with start={last + 1}]")
    data = FileText(path=path, first=params.start, last=last, total=total, text="\n".join(shown), hash="")
    return Result(clip("\n".join(text), workspace.result_chars), data)


class WriteFileParams(Params):
    path: str = Param("File; missing folders are made")
    content: str = Param("Whole new text")
    hash: str = Param("Current hash; needed to overwrite a file", default="")


class Written(Data):
    """A written file: whether it is new, its hash, its lines, the syntax errors that it brought."""

    path: str
    created: bool
    lines: int
    syntax_errors: tuple[str, ...]
    hash: str


@tool(
    "Write a file",
    "Create a file, or overwrite one whose current hash is given; an existing file keeps its encoding, line "
    "ends and mode. For small changes use edit_file.",
    toolset="files",
    effect="edits",
)
async def write_file(workspace: Workspace, params: WriteFileParams) -> Result:
    return await anyio.to_thread.run_sync(_write, workspace, params)


def _write(workspace: Workspace, params: WriteFileParams) -> Result:
    path = workspace.relative(params.path)
    try:
        before = workspace.read_bytes(path)
    except NotFound:
        before = None
    if before is None:
        if params.hash:
            raise NotFound(f"'{path}' does not exist, so it has no hash; leave 'hash' out to create it.")
        after = _encoded(params.content)
    else:
        after = _overwriting(path, before, params)
    journal.apply(workspace, "write_file", [journal.Change(path, before, after)])
    lines = after.count(b"\n") + (not after.endswith(b"\n") and bool(after))
    done = f"{'Created' if before is None else 'Overwrote'} {path} ({lines} lines)"
    errors = introduced_errors(path, before, after)
    data = Written(
        path=path,
        created=before is None,
        lines=lines,
        syntax_errors=errors,
        hash=digest(after),
    )
    return Result(clip(describe(path, before, after, done, errors), workspace.result_chars), data)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadArguments(f"'content' holds {text[error.start]!r}, which is not a character.") from None


def _overwriting(path: str, before: bytes, params: WriteFileParams) -> bytes:
    """The new bytes of an existing file, in its encoding and with its line ends, if the hash allows it."""
    if before and params.hash != digest(before):
        lines = before.count(b"\n")
        if params.hash:
            raise Stale(
                f"'{path}' has hash {digest(before)}, not {params.hash}: it changed since it was read; "
                "read it again."
            )
        raise Conflict(
            f"'{path}' exists already ({lines} lines). To change a part use edit_file; to replace all of it "
            f"pass hash={digest(before)}."
        )
    old = Content.decode(path, before)
    text = params.content.removeprefix("\ufeff") if old.mark else params.content
    if "\r" not in text and old.newline != "\n":
        text = text.replace("\n", old.newline)
    if before and text == old.text:
        raise BadArguments(f"'{path}' holds exactly that already; nothing would change.")
    return old.encode(text)
