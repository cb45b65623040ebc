"""What a file or a directory defines."""

import anyio.to_thread

from kimi_tools.errors import NotFound
from kimi_tools.index import Index, index_of
from kimi_tools.index.content import definitions_of
from kimi_tools.symbols.page import page, shown, within
from kimi_tools.syntax import Definition, language_of
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_MINOR = frozenset({"variable", "field", "constant", "property", "declaration"})
_MOST_NAMES = 12


class OutlineParams(Params):
    path: str = Param("File or directory", default=".")
    depth: int = Param("Levels of nesting", default=3, ge=1)
    offset: int = Param("Skip so many", default=0, ge=0)


class OutlineSymbol(Data):
    """One definition; lines are 1-based and inclusive."""

    path: str
    kind: str
    qualified: str
    first_line: int
    last_line: int
    signature: str


class Outline(Data):
    """The definitions of a file, or of the files of a directory, by path and line."""

    path: str
    complete: bool
    symbols: tuple[OutlineSymbol, ...]


@tool(
    "Outline a file or directory",
    "List what a file defines, nested, with line ranges and signatures; for a directory, what each file defines.",
    toolset="symbols",
    effect="reads",
)
async def outline(workspace: Workspace, params: OutlineParams) -> Result:
    path = workspace.relative(params.path)
    if workspace.stat(path).kind != "directory":
        return await anyio.to_thread.run_sync(_file, workspace, path, params)
    index = index_of(workspace)
    await index.refresh()
    return await anyio.to_thread.run_sync(_folder, workspace, index, path, params)


def _file(workspace: Workspace, path: str, params: OutlineParams) -> Result:
    data = workspace.read_bytes(path)
    language = language_of(path, data)
    found = definitions_of(workspace, path, data, language)
    kept = [item for item in found if _depth(item, found) < params.depth]
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    what = language.name if language else "unknown language"
    head = f"{path}: {what}, {lines:,} lines, {len(found)} definitions"
    if len(kept) < len(found):
        head += f" ({len(found) - len(kept)} deeper ones hidden; raise depth)"
    if not found:
        head += ". " + (
            "None that the grammar knows; read_file shows the text." if language else "Use read_file."
        )
    items = (_line(item, _depth(item, found)) for item in kept[params.offset :])
    return Result(
        page(workspace, head, items, params.offset, len(kept)),
        _data(path, True, [(path, item) for item in kept]),
    )


def _depth(item: Definition, found: list[Definition]) -> int:
    return item.qualified.count(".") if len(found) > 1 else 0


def _line(item: Definition, depth: int) -> str:
    lines = (
        f"{item.first_line}-{item.last_line}" if item.last_line > item.first_line else str(item.first_line)
    )
    doc = f"  # {item.doc}" if item.doc and item.kind not in _MINOR else ""
    text = item.signature if item.name in item.signature else f"{item.kind} {item.name}"
    return shown(f"{lines:>11} {'  ' * depth}{text}{doc}")


def _folder(workspace: Workspace, index: Index, path: str, params: OutlineParams) -> Result:
    coverage = index.coverage
    files = [file for file in index.files() if within(file, path)]
    items: list[str] = []
    symbols: list[tuple[str, Definition]] = []
    for file in files:
        top = [item for item in index.outline(file) or [] if "." not in item.qualified]
        main = [item for item in top if item.kind not in _MINOR]
        symbols += [(file, item) for item in main]
        names = [
            f"{item.name} ({item.kind})" if item.kind not in ("function", "class") else item.name
            for item in main
        ]
        more = f", … {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        items.append(shown(f"{file}: {', '.join(names[:_MOST_NAMES]) or '-'}{more}"))
    if not files and not workspace.exists(path):
        raise NotFound(f"'{path}' does not exist; look for it with find_files.")
    head = f"{path}/: {len(files)} files with code, {len(symbols)} top-level definitions"
    return Result(
        page(workspace, head, items[params.offset :], params.offset, len(items), [coverage.note()]),
        _data(path, coverage.complete, symbols),
    )


def _data(path: str, complete: bool, symbols: list[tuple[str, Definition]]) -> Outline:
    return Outline(
        path=path,
        complete=complete,
        symbols=tuple(
            OutlineSymbol(
                path=file,
                kind=item.kind,
                qualified=item.qualified,
                first_line=item.first_line,
                last_line=item.last_line,
                signature=item.signature,
            )
            for file, item in symbols[:1000]
        ),
    )
