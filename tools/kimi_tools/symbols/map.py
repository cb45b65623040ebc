"""A map of the repository: the definitions that matter most, within a budget of tokens."""

import anyio.to_thread

from kimi_tools.clip import weight
from kimi_tools.index import Index, index_of
from kimi_tools.index.names import is_test
from kimi_tools.symbols.graph import Graph, graph_of, page_rank
from kimi_tools.symbols.page import shown, within
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_CHARS_PER_TOKEN = 4
_FOCUS = 30
_FOCUS_CHARS = 300


class RepoMapParams(Params):
    focus: list[str] = Param("Files, directories or words to rank around", default=[])
    path: str = Param("Only this directory", default=".")
    tokens: int = Param("Budget", default=1200, ge=100)


class MapFile(Data):
    """One file of the map and the definitions shown of it, as `line signature`."""

    path: str
    definitions: tuple[str, ...]


class RepoMap(Data):
    """The files by rank, the most important first."""

    complete: bool
    files: tuple[MapFile, ...]


@tool(
    "Map the repository",
    "Show the most important files and definitions, ranked by how much other code refers to them, within a "
    "token budget.",
    toolset="symbols",
    effect="reads",
)
async def repo_map(workspace: Workspace, params: RepoMapParams) -> Result:
    folder = workspace.relative(params.path)
    index = index_of(workspace)
    await index.complete(8)
    return await anyio.to_thread.run_sync(_map, workspace, index, params, folder)


def _map(workspace: Workspace, index: Index, params: RepoMapParams, folder: str) -> Result:
    coverage = index.coverage  # before the graph is made: what comes in meanwhile may be missing from it
    graph = graph_of(index)
    ranks = page_rank(graph, _starts(graph, params.focus))
    files = [path for path in sorted(ranks, key=lambda path: (-ranks[path], path)) if within(path, folder)]
    budget = min(params.tokens * _CHARS_PER_TOKEN, workspace.result_chars)
    head = f"{len(files)} files with code; the most referred to first"
    note = coverage.note()
    room = budget - weight(head) - weight(note) - 4
    lines: list[str] = []
    shown_files: list[MapFile] = []
    for path in files:
        if is_test(path) and not params.focus:
            continue
        block = _block(index, graph, path)
        kept: list[str] = []
        for line in block:
            room -= weight(line) + 2
            if room < 0:
                break
            kept.append(line)
        if len(kept) > 1 or (kept and len(block) == 1):
            lines += kept
            shown_files.append(MapFile(path=path, definitions=tuple(line.strip() for line in kept[1:])))
        if room < 0:
            break
    text = "\n".join(filter(None, [head, *lines, note]))
    return Result(text, RepoMap(complete=coverage.complete, files=tuple(shown_files)))


def _starts(graph: Graph, focus: list[str]) -> dict[str, float]:
    """Where the walk over the graph starts: the files that the focus names, or that define or hold its words."""
    starts: dict[str, float] = {}
    for item in focus[:_FOCUS]:
        clean = item[:_FOCUS_CHARS].strip().removeprefix("./").rstrip("/")
        for path in graph.files:
            if path == clean or path.startswith(f"{clean}/"):
                starts[path] = starts.get(path, 0) + 1
            elif clean and clean.lower() in path.lower():
                starts[path] = starts.get(path, 0) + 0.3
        for path in graph.definers.get(clean.rpartition(".")[2], ()):
            starts[path] = starts.get(path, 0) + 1
    return starts


def _block(index: Index, graph: Graph, path: str) -> list[str]:
    """A file's line, then its definitions by how much other files refer to them, in the order of lines."""
    weights = graph.referred.get(path, {})
    outline = [
        item for item in index.outline(path) or [] if item.kind not in ("variable", "field", "property")
    ]
    best = sorted(outline, key=lambda item: (-weights.get(item.name, 0.0), item.first_line))[:8]
    chosen = {(item.first_line, item.name) for item in best if weights.get(item.name) or len(outline) <= 8}
    return [
        f"{path}:",
        *(
            shown(f"  {item.first_line:>5} {'  ' * item.qualified.count('.')}{item.signature or item.name}")
            for item in outline
            if (item.first_line, item.name) in chosen
        ),
    ]
