"""Finding who uses a symbol."""

from collections.abc import Iterator

import anyio.to_thread

from kimi_tools import lsp
from kimi_tools.index import Coverage, Index, Symbol, index_of
from kimi_tools.index.meaning import Ranked, find, rank, sharpen
from kimi_tools.index.names import checked, parts
from kimi_tools.index.text import lines_with_word
from kimi_tools.symbols.page import lines_of, page, shown, within
from kimi_tools.syntax.references import Scopes
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_MOST_TARGETS = 3
_SERVER_SECONDS = 5.0


class FindReferencesParams(Params):
    name: str = Param("Name or Class.method")
    path: str = Param("Only in this file or directory", default=".")
    offset: int = Param("Skip so many", default=0, ge=0)


class Reference(Data):
    """One line that uses the name. `use`: definition, import, call, inherit, use, or text outside code."""

    path: str
    line: int
    use: str
    certain: bool


class References(Data):
    """Every reference in order of rank, the tier that answered, and whether the answer is whole."""

    tier: str
    complete: bool
    references: tuple[Reference, ...]


@tool(
    "Find references",
    "Find the definitions, imports, calls and other uses of a symbol, with the enclosing function; "
    "tells certain from likely.",
    toolset="symbols",
    effect="reads",
)
async def find_references(workspace: Workspace, params: FindReferencesParams) -> Result:
    checked(params.name)
    folder = workspace.relative(params.path)
    index = index_of(workspace)
    await index.refresh()
    await index.ahead(checked(params.name)[-1].rstrip("*"))
    result = await anyio.to_thread.run_sync(_references, workspace, index, params, folder)
    return result if result is not None else await _textual(workspace, index, params, folder)


async def _textual(workspace: Workspace, index: Index, params: FindReferencesParams, folder: str) -> Result:
    """The answer where no code uses the name: the lines of any text that hold it as a word."""
    coverage = index.coverage
    last = parts(params.name)[-1]
    found = [place for place in await lines_with_word(workspace, last) if within(place[0], folder)]
    data = References(
        tier="textual",
        complete=coverage.complete,
        references=tuple(
            Reference(path=path, line=line, use="text", certain=False) for path, line in found[:1000]
        ),
    )
    head = f"No use of '{params.name}' in code (syntactic index, {_state(coverage)})"
    if not found:
        where = "" if folder == "." else f" in {folder}"
        return Result(
            page(workspace, f"{head}, and no text{where} holds the word.", (), 0, 0, [coverage.note()]), data
        )
    head += f"; {len(found)} lines of text hold the word (strings, comments, documents):"
    items = (_text_line(workspace, path, line) for path, line in found[params.offset :])
    return Result(page(workspace, head, items, params.offset, len(found), [coverage.note()]), data)


def _text_line(workspace: Workspace, path: str, line: int) -> str:
    lines = lines_of(workspace, path)
    return shown(f"  {path}:{line}: {lines[line - 1].strip() if line <= len(lines) else ''}")


def _state(coverage: Coverage) -> str:
    return "complete" if coverage.complete else "not complete yet"


def _references(
    workspace: Workspace, index: Index, params: FindReferencesParams, folder: str
) -> Result | None:
    """The answer from code; None when no code uses the name."""
    coverage = index.coverage  # before the question: what comes in meanwhile may be missing from the answer
    last = parts(params.name)[-1]
    match, targets = find(index, params.name, lambda _: True)
    if match != "exact name":
        targets = []
    ranked, tier, note = _sharpened(
        workspace, index, targets, rank(index, last, targets, index.mentions(last))
    )
    ranked = [item for item in ranked if within(item.mention.path, folder)]
    if not ranked:
        return None
    state = f"{tier}, {_state(coverage)}"
    return Result(
        page(
            workspace,
            _head(params.name, ranked, state),
            _items(workspace, index, ranked[params.offset :]),
            params.offset,
            len(ranked),
            [coverage.note(), note, _caution(last, targets)],
        ),
        References(
            tier=tier,
            complete=coverage.complete,
            references=tuple(
                Reference(
                    path=item.mention.path,
                    line=item.mention.line,
                    use=item.mention.use,
                    certain=item.certain,
                )
                for item in ranked[:1000]
            ),
        ),
    )


def _sharpened(
    workspace: Workspace, index: Index, targets: list[Symbol], ranked: list[Ranked]
) -> tuple[list[Ranked], str, str]:
    """The mentions as a language server sees them, where the syntax leaves doubt; the tier; a note."""
    if not targets or len(targets) > _MOST_TARGETS or all(item.certain for item in ranked):
        return ranked, "syntactic index", ""
    tier, note = "syntactic index", ""
    for target in targets:
        place = target.definition
        files = tuple(sorted({item.mention.path for item in ranked}))
        question = lsp.Question(
            target.path, place.line, place.name, index.version, index.changed_since, files
        )
        answer = lsp.references(workspace, question, _SERVER_SECONDS)
        if answer is None:
            continue
        if answer.failed:
            note = f"{answer.server} was asked in vain: {answer.failed}"
            continue
        if answer.pending:
            return (
                ranked,
                tier,
                f"{answer.server} is still reading the repository; ask again to know more for certain.",
            )
        ranked, whole = sharpen(ranked, answer.places)
        lacking = answer.lacking or ("" if whole else "it misses what is certain from the syntax")
        tier = f"semantic ({answer.server}{', not whole' if lacking else ''}) and syntactic index"
        if lacking:
            note = f"{answer.server} may not know all references: {lacking}."
    return ranked, tier, note


def _head(name: str, ranked: list[Ranked], state: str) -> str:
    counts: dict[str, int] = {}
    for item in ranked:
        use = {"definition": "definition", "import": "import", "call": "call"}.get(
            item.mention.use, "other use"
        )
        counts[use] = counts.get(use, 0) + 1
    listed = ", ".join(f"{count} {use}{'s' if count != 1 else ''}" for use, count in counts.items())
    certain = sum(item.certain for item in ranked)
    files = len({item.mention.path for item in ranked})
    return (
        f"'{name}': {listed} in {files} file{'s' if files != 1 else ''}; "
        f"{certain} certain, {len(ranked) - certain} likely ({state})"
    )


def _caution(last: str, targets: list[Symbol]) -> str:
    if not targets:
        return f"'{last}' is not defined in this repository; the uses mean something from outside or dynamic."
    return ""


def _items(workspace: Workspace, index: Index, ranked: list[Ranked]) -> Iterator[str]:
    """One line per reference; a file's text is read when its first line is asked for."""
    lines: list[str] = []
    scopes = Scopes([])
    before = ("", False)
    for item in ranked:
        mention = item.mention
        if mention.path != before[0]:
            lines = lines_of(workspace, mention.path)
            scopes = Scopes(index.outline(mention.path) or [])
        text = shown(lines[mention.line - 1].strip()) if mention.line <= len(lines) else ""
        around = scopes.at(mention.line, mention.use == "definition")
        title = "" if before == (mention.path, item.certain) else f"{mention.path}{_mark(item)}\n"
        before = (mention.path, item.certain)
        yield f"{title}  {mention.line} {mention.use}{f' in {around}' if around else ''}: {text}"


def _mark(item: Ranked) -> str:
    return "" if item.certain else " (likely)"
