"""The tool `locate`."""

import builtins
import re
from collections import Counter

import anyio.to_thread

from kimi_tools.errors import BadArguments
from kimi_tools.index import Index, index_of
from kimi_tools.index.words import Words, words_of
from kimi_tools.symbols.locate.beside import is_beside
from kimi_tools.symbols.locate.clues import TEXT_CHARS, Clues, clues_of, is_code_name
from kimi_tools.symbols.locate.evidence import gather
from kimi_tools.symbols.locate.found import OF_ONE_FILE, Found
from kimi_tools.symbols.locate.history import History, history_of
from kimi_tools.symbols.locate.rank import Part, Ranked, best_of
from kimi_tools.symbols.locate.reasons import reasons_of
from kimi_tools.symbols.page import page, shown
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_WAIT_SECONDS = 10.0
"""For the index and the words, where they are being read for the first time; then what there is must do."""

_AHEAD_NAMES = 3
_BUILTIN = frozenset(dir(builtins))
_FUNCTIONS = 10


class LocateParams(Params):
    text: str = Param("The issue, error or question")
    limit: int = Param("Places at most", default=10, ge=1, le=50)


class Place(Data):
    """One file, the definitions in it that fit best (as `first-last qualified`), and the reasons."""

    path: str
    score: float
    definitions: tuple[str, ...]
    reasons: tuple[str, ...]


class Places(Data):
    """The files, the likeliest first; `functions`: the likeliest of all files, as `path:first-last qualified`."""

    complete: bool
    places: tuple[Place, ...]
    functions: tuple[str, ...]


@tool(
    "Locate the place",
    "Rank the files and functions that an issue, error or question is about, with the reasons. Give its whole "
    "text, stack traces included.",
    toolset="search",
    effect="reads",
)
async def locate(workspace: Workspace, params: LocateParams) -> Result:
    found = await look(workspace, params.text)
    return await anyio.to_thread.run_sync(answer, workspace, found, params.limit, abandon_on_cancel=True)


async def look(workspace: Workspace, text: str) -> Found:
    """Everything that a text points at. Raises `BadArguments` for a text without words."""
    text = text[:TEXT_CHARS].encode("utf-8", "replace").decode()
    if not re.search(r"[^\W\d]\w", text):
        raise BadArguments("'text' holds no words; give the issue's text or an error message.")
    clues = clues_of(text)
    index = index_of(workspace)
    words = words_of(index)
    history = await history_of(workspace)
    first = await _first(index, clues) if await words.complete(_WAIT_SECONDS) else []
    return await anyio.to_thread.run_sync(_found, index, words, clues, history, first, abandon_on_cancel=True)


async def _first(index: Index, clues: Clues) -> list[str]:
    """The files to be read while the index is not complete: named modules, then those that hold most names."""
    modules = {path.rpartition(".")[0].replace("/", "."): path for path in index.files()}
    prefixes = (module[: match.start()] for module in clues.modules for match in re.finditer(r"\.|$", module))
    named = [modules[prefix] for prefix in prefixes if prefix in modules]
    holding: Counter[str] = Counter()
    for name in _telling(clues)[:_AHEAD_NAMES]:
        holding.update(await index.ahead(name) or await index.holding(name))
    return [*named, *sorted(holding, key=lambda path: (is_beside(path), -holding[path], path))]


def _telling(clues: Clues) -> list[str]:
    """The identifiers of the text; those of its title first, then the longest: they are the rarest."""
    names = [
        name for name, zones in clues.names.items() if is_code_name(name, zones) and name not in _BUILTIN
    ]
    return sorted(names, key=lambda name: (-("title" in clues.names[name]), -len(name), name))


def _found(index: Index, words: Words, clues: Clues, history: History, first: list[str]) -> Found:
    waiting = words.refresh(first)
    return Found.of(gather(index, words, clues, history), clues, waiting)


def answer(workspace: Workspace, found: Found, limit: int) -> Result:
    """What was found, told: so many files."""
    parts = found.parts()
    places = [_place(item, parts, found) for item in found.files[:limit]]
    best = [part for part in parts if part.definition.kind in ("function", "method")][:_FUNCTIONS]
    functions = tuple(
        f"{part.path}:{part.definition.first_line}-{part.definition.last_line} {part.definition.qualified}"
        for part in best
    )
    items = [
        "\n".join(
            [
                shown(f"{number:>2}. {place.path}  [{'; '.join(place.reasons)}]"),
                *(shown(f"     {definition}") for definition in place.definitions),
            ]
        )
        for number, place in enumerate(places, 1)
    ]
    if functions:
        items.append(
            "\n".join(["likeliest functions of all files:", *(shown(f"     {line}") for line in functions)])
        )
    head = f"{len(places)} likely places, the likeliest first" if places else "No file fits these words."
    if found.waiting:  # first, where it cannot be overlooked: the best place may be among what is missing
        total = len(found.evidence.files)
        head = f"Not complete: {found.waiting:,} of {total:,} files are not yet read; ask again soon.\n{head}"
    return Result(
        page(workspace, head, items, 0, len(items)),
        Places(complete=not found.waiting, places=tuple(places), functions=functions),
    )


def _place(item: Ranked, parts: list[Part], found: Found) -> Place:
    return Place(
        path=item.path,
        score=round(item.score, 3),
        definitions=tuple(
            f"{best.first_line}-{best.last_line} {best.qualified}"
            for best in best_of(parts, item.path, OF_ONE_FILE)
        ),
        reasons=reasons_of(item, found.evidence, found.clues),
    )
