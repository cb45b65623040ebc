"""Finding definitions by name."""

import anyio.to_thread

from kimi_tools.clip import clip
from kimi_tools.index import Index, Symbol, index_of
from kimi_tools.index.meaning import EXACT, find
from kimi_tools.index.names import checked
from kimi_tools.symbols.page import lines_of, page, shown, within
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_FEW = 3
_HEAD_LINES = 12
_SECONDS = 8.0
"""How long to wait for an index that is being built, where a name is not found as it is given."""


class FindSymbolParams(Params):
    name: str = Param("Name, Class.method, or prefix*")
    path: str = Param("Only in this file or directory", default=".")
    kind: str = Param("Only function, method, class…", default="")
    body: bool = Param("Show whole bodies", default=False)
    offset: int = Param("Skip so many", default=0, ge=0)


class FoundSymbol(Data):
    """One definition; lines are 1-based and inclusive."""

    path: str
    kind: str
    qualified: str
    first_line: int
    last_line: int
    signature: str
    doc: str


class FoundSymbols(Data):
    """How the name was understood (exact, case, prefix, similar), and every definition in order of rank."""

    match: str
    complete: bool
    symbols: tuple[FoundSymbol, ...]


@tool(
    "Find a definition",
    "Find where a class, function, method or other symbol is defined, by exact, qualified, partial or "
    "misspelt name; shows signature and code.",
    toolset="symbols",
    effect="reads",
)
async def find_symbol(workspace: Workspace, params: FindSymbolParams) -> Result:
    checked(params.name)
    folder = workspace.relative(params.path)
    index = index_of(workspace)
    await index.refresh()
    await index.ahead(checked(params.name)[-1].rstrip("*"))
    result = await anyio.to_thread.run_sync(_find, workspace, index, params, folder)
    if isinstance(result.data, FoundSymbols) and (result.data.match == EXACT or result.data.complete):
        return result
    await index.complete(_SECONDS)  # which names are near is known only when all are
    return await anyio.to_thread.run_sync(_find, workspace, index, params, folder)


def _find(workspace: Workspace, index: Index, params: FindSymbolParams, folder: str) -> Result:
    coverage = index.coverage  # before the question: what comes in meanwhile may be missing from the answer
    match, found = find(index, params.name, lambda symbol: _wanted(symbol, folder, params.kind))
    data = FoundSymbols(match=match, complete=coverage.complete, symbols=tuple(map(_as_data, found[:200])))
    where = "" if folder == "." else f" in {folder}"
    state = f"syntactic index, {'complete' if coverage.complete else 'not complete yet'}"
    if not found:
        hint = _otherwise(index, params, folder)
        head = f"No definition of '{params.name}'{where} ({state}, {coverage.files:,} files).{hint}"
        return Result(clip("\n".join(filter(None, [head, coverage.note()])), workspace.result_chars), data)
    plural = "" if len(found) == 1 else "s"
    head = f"{len(found)} definition{plural} of '{params.name}'{where}: {match} ({state})"
    items = (_item(workspace, symbol, params.body, len(found) <= _FEW) for symbol in found[params.offset :])
    return Result(page(workspace, head, items, params.offset, len(found), [coverage.note()]), data)


def _wanted(symbol: Symbol, folder: str, kind: str) -> bool:
    definition = symbol.definition
    return within(symbol.path, folder) and (not kind or definition.kind == kind.lower())


def _otherwise(index: Index, params: FindSymbolParams, folder: str) -> str:
    """What the caller may try when nothing was found under the conditions."""
    if folder != "." or params.kind:
        match, found = find(index, params.name, lambda _: True)
        if found:
            first = found[0]
            return (
                f" Without path and kind there are {len(found)} ({match}), the first in "
                f"{first.path}:{first.definition.line}."
            )
    return " It may be defined at run time or outside the repository: search_text finds any text."


def _as_data(symbol: Symbol) -> FoundSymbol:
    definition = symbol.definition
    return FoundSymbol(
        path=symbol.path,
        kind=definition.kind,
        qualified=definition.qualified,
        first_line=definition.first_line,
        last_line=definition.last_line,
        signature=definition.signature,
        doc=definition.doc,
    )


def _item(workspace: Workspace, symbol: Symbol, body: bool, few: bool) -> str:
    definition = symbol.definition
    title = f"{symbol.path}:{definition.first_line}-{definition.last_line} {definition.kind} {definition.qualified}"
    if not body and not few:
        doc = f"  # {definition.doc}" if definition.doc else ""
        return f"{title}\n    {shown(definition.signature)}{shown(doc)}"
    lines = lines_of(workspace, symbol.path)[definition.first_line - 1 : definition.last_line]
    most = len(lines) if body else _HEAD_LINES
    width = len(str(definition.last_line))
    numbered = [
        f"{number:>{width}}  {shown(line)}" for number, line in enumerate(lines[:most], definition.first_line)
    ]
    if len(lines) > most:
        numbered.append(f"[{len(lines) - most} more lines: body=true, or read_file]")
    return "\n".join([title, *numbered])
