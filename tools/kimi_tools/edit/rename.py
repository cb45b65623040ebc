"""Renaming a symbol in all files at once, and saying what was left as it is."""

import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import anyio.to_thread

from kimi_tools import journal, lsp
from kimi_tools.clip import clip
from kimi_tools.edited import introduced_errors
from kimi_tools.errors import BadArguments, Conflict, NotFound
from kimi_tools.index import Index, Symbol, index_of
from kimi_tools.index.meaning import Ranked, find, rank, sharpen
from kimi_tools.index.names import checked
from kimi_tools.index.text import lines_with_word
from kimi_tools.syntax import language_of, places
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal
from kimi_tools.workspace import Workspace

_SECONDS = 30.0
_LISTED = 25
_NAME = re.compile(r"[^\W\d][\w$]*[!?]?")
_FAMILIES = (
    {"javascript", "typescript", "tsx"},
    {"c", "cpp", "objc"},
    {"java", "kotlin", "scala", "groovy"},
    {"ocaml", "ocaml_interface"},
)
"""Languages whose files use each other's names."""


class RenameParams(Params):
    name: str = Param("Name or Class.method")
    new_name: str = Param("New bare name")
    path: str = Param("File of the definition, if several", default="")
    preview: bool = Param("Only say what would change", default=False)


class RenamedFile(Data):
    """One file and the lines (1-based) on which the name was replaced."""

    path: str
    lines: tuple[int, ...]
    syntax_errors: tuple[str, ...]


class Renamed(Data):
    """What was changed, and the lines of code and of other text that hold the name and were left alone."""

    changed: tuple[RenamedFile, ...]
    doubtful: tuple[str, ...]
    text: tuple[str, ...]
    preview: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """The changes, the lines they touch, the uses that may mean something else, and what a server lacked."""

    changes: tuple[journal.Change, ...]
    lines: dict[str, tuple[int, ...]]
    doubtful: tuple[str, ...]
    note: str


@tool(
    "Rename a symbol",
    "Rename a function, class, method or variable in all files of the repository; tells which uses, strings "
    "and comments it left alone.",
    toolset="edit",
    effect="edits",
)
async def rename_symbol(workspace: Workspace, params: RenameParams) -> Result:
    old = checked(params.name)[-1]
    if not _NAME.fullmatch(params.new_name) or keyword.iskeyword(params.new_name):
        raise BadArguments(f"'{params.new_name[:80]}' is no name; give a bare identifier.")
    if params.new_name == old:
        raise BadArguments(f"The name is '{old}' already.")
    folder = workspace.relative(params.path) if params.path else ""
    index = index_of(workspace)
    if not (coverage := await index.complete(_SECONDS)).complete:
        raise Conflict(f"{coverage.note()} A rename needs all of them; try again soon.")
    plan = await anyio.to_thread.run_sync(_plan, workspace, index, params, folder)
    if not params.preview:
        await anyio.to_thread.run_sync(journal.apply, workspace, "rename_symbol", plan.changes)
    left = await _left_in_text(workspace, old, plan)
    return await anyio.to_thread.run_sync(_result, workspace, params, old, plan, left)


def _plan(workspace: Workspace, index: Index, params: RenameParams, folder: str) -> _Plan:
    old = checked(params.name)[-1]
    targets = _targets(index, params.name, folder)
    _refuse_taken(index, targets, params.new_name)
    chosen, doubtful, note = _chosen(workspace, index, old, targets)
    changes: list[journal.Change] = []
    touched: dict[str, tuple[int, ...]] = {}
    for path, lines in sorted(chosen.items()):
        before = workspace.read_bytes(path)
        after, done = _replaced(path, before, old, params.new_name, lines)
        doubtful += [f"{path}:{line}" for line in sorted(lines - done)]
        if done:
            changes.append(journal.Change(path, before, after))
            touched[path] = tuple(sorted(done))
    if not changes:
        raise NotFound(f"No use of '{old}' could be replaced in code; use search_text and edit_file.")
    return _Plan(tuple(changes), touched, tuple(doubtful), note)


def _targets(index: Index, name: str, path: str) -> list[Symbol]:
    """The definitions that are meant: several only when they are one symbol, such as a declaration and a body."""
    match, found = find(index, name, lambda symbol: not path or symbol.path == path)
    if match != "exact name":
        near = f" Did you mean {found[0].definition.qualified} in {found[0].path}?" if found else ""
        raise NotFound(f"'{name}' is not defined{f' in {path}' if path else ' in this repository'}.{near}")
    owners = {(symbol.path, symbol.definition.qualified) for symbol in found}
    bodies = {
        place for place in owners if any(_is(symbol, place) and not _declares(symbol) for symbol in found)
    }
    if len(bodies or owners) > 1:
        listed = ", ".join(f"{qualified} in {path}" for path, qualified in sorted(bodies or owners)[:8])
        raise BadArguments(f"'{name}' is defined more than once: {listed}. Give Class.method or path.")
    return found


def _is(symbol: Symbol, place: tuple[str, str]) -> bool:
    return (symbol.path, symbol.definition.qualified) == place


def _declares(symbol: Symbol) -> bool:
    return symbol.definition.kind == "declaration"


def _refuse_taken(index: Index, targets: Sequence[Symbol], new: str) -> None:
    for target in targets:
        wanted = ".".join([*target.definition.qualified.split(".")[:-1], new])
        for symbol in index.symbols(new):
            if symbol.path == target.path and symbol.definition.qualified == wanted:
                raise Conflict(f"'{wanted}' is defined already in {symbol.path}:{symbol.definition.line}.")


def _chosen(
    workspace: Workspace, index: Index, old: str, targets: list[Symbol]
) -> tuple[dict[str, set[int]], list[str], str]:
    """The lines to change by file, the places that may mean something else, and what a server lacked.

    Where nothing else in the repository has the name, every use in code means the symbol. Else only certain
    uses do: those that a language server names, and uses through `self` or `this` inside the symbol's own class.
    """
    places_of = {(symbol.path, symbol.definition.line) for symbol in targets}
    alone = all((symbol.path, symbol.definition.line) in places_of for symbol in index.symbols(old))
    chosen: dict[str, set[int]] = {}
    doubtful: list[str] = []
    ranked = rank(index, old, targets, index.mentions(old))
    ranked, note = (ranked, "") if alone else _sharpened(workspace, index, targets, ranked)
    for item in ranked:
        mention = item.mention
        related = any(_related(mention.path, target.path) for target in targets)
        if related and (item.certain or alone or _through_self(workspace, index, old, targets, item)):
            chosen.setdefault(mention.path, set()).add(mention.line)
        else:
            doubtful.append(f"{mention.path}:{mention.line}")
    return chosen, doubtful, note


def _sharpened(
    workspace: Workspace, index: Index, targets: list[Symbol], ranked: list[Ranked]
) -> tuple[list[Ranked], str]:
    """The mentions as a language server sees them, where one is installed; what it lacked."""
    note = ""
    for target in targets:
        place = target.definition
        files = tuple(sorted({item.mention.path for item in ranked}))
        question = lsp.Question(
            target.path, place.line, place.name, index.version, index.changed_since, files
        )
        answer = lsp.references(workspace, question, _SECONDS)
        if answer is not None and answer.failed:
            note = f"{answer.server} was asked in vain: {answer.failed}"
        elif answer is not None:
            ranked, _ = sharpen(ranked, answer.places)
            lacking = "it is still reading the repository" if answer.pending else answer.lacking
            if lacking:
                note = f"{answer.server} may not know all uses: {lacking}."
    return ranked, note


def _related(path: str, other: str) -> bool:
    first, second = language_of(path), language_of(other)
    if first is None or second is None:
        return first is second
    return first is second or any({first.name, second.name} <= family for family in _FAMILIES)


def _through_self(workspace: Workspace, index: Index, old: str, targets: list[Symbol], item: Ranked) -> bool:
    mention = item.mention
    for target in targets:
        owner = target.definition.qualified.rpartition(".")[0]
        if mention.path != target.path or not owner:
            continue
        for definition in index.outline(target.path) or []:
            if (
                definition.qualified == owner
                and definition.first_line <= mention.line <= definition.last_line
            ):
                lines = workspace.read(mention.path).text.split("\n")
                line = lines[mention.line - 1] if mention.line <= len(lines) else ""
                return re.search(rf"\b(self|this|cls)(\.|->|::){re.escape(old)}\b", line) is not None
    return False


def _replaced(path: str, data: bytes, old: str, new: str, lines: set[int]) -> tuple[bytes, set[int]]:
    """The bytes with the name replaced on some lines, in code only; and the lines where it was found."""
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    after, done = data, set[int]()
    for line, column in sorted(places(path, data, old), reverse=True):
        if line in lines:
            start = starts[line - 1] + column - 1
            after = after[:start] + new.encode() + after[start + len(old.encode()) :]
            done.add(line)
    return after, done


async def _left_in_text(workspace: Workspace, old: str, plan: _Plan) -> list[str]:
    """Lines outside code that hold the name as a word: strings, comments, documents."""
    known = {(path, line) for path, lines in plan.lines.items() for line in lines}
    found = await lines_with_word(workspace, old)
    left = (f"{path}:{line}" for path, line in found if (path, line) not in known)
    return [place for place in left if place not in plan.doubtful]


def _result(workspace: Workspace, params: RenameParams, old: str, plan: _Plan, left: list[str]) -> Result:
    files = tuple(
        RenamedFile(
            path=change.path,
            lines=plan.lines[change.path],
            syntax_errors=introduced_errors(change.path, change.before, change.after),
        )
        for change in plan.changes
    )
    count = sum(len(file.lines) for file in files)
    verb = "Would rename" if params.preview else "Renamed"
    text = [f"{verb} '{old}' to '{params.new_name}' on {count} lines in {len(files)} files."]
    for file in files:
        text.append(f"  {reveal(file.path)}: {', '.join(map(str, file.lines))}")
        text += [f"    introduced syntax error: {error}" for error in file.syntax_errors]
    text += _listed("Left alone, uses that may mean something else", plan.doubtful)
    text += [plan.note] if plan.note else []
    text += _listed("Left alone, strings, comments and documents", left)
    data = Renamed(changed=files, doubtful=plan.doubtful, text=tuple(left[:500]), preview=params.preview)
    return Result(clip("\n".join(text), workspace.result_chars), data)


def _listed(title: str, places: Iterable[str]) -> list[str]:
    listed = [reveal(place) for place in places]
    if not listed:
        return []
    more = f" … {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return [f"{title} ({len(listed)}): {', '.join(listed[:_LISTED])}{more}"]
