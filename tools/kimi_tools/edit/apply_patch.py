"""The tool `apply_patch`."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio.to_thread

from kimi_tools import journal
from kimi_tools.clip import clip
from kimi_tools.edit import patch
from kimi_tools.edit.patch import placing
from kimi_tools.edit.patch.hunks import FilePatch
from kimi_tools.edited import introduced_errors
from kimi_tools.errors import BadArguments, Conflict, NotFound
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal
from kimi_tools.workspace import Content, Workspace
from kimi_tools.workspace.content import digest
from kimi_tools.workspace.diff import unified


class ApplyPatchParams(Params):
    patch: str = Param("Unified diff, or '*** Begin Patch' form")


class PatchedFile(Data):
    """One file of the patch. `kind`: A, M, D or R (renamed from `old_path`); `notes`: hunks that had to be
    moved or matched tolerantly; `hash` is empty for a deleted file."""

    kind: str
    path: str
    old_path: str
    added: int
    removed: int
    hash: str
    notes: tuple[str, ...]
    syntax_errors: tuple[str, ...]


class Patched(Data):
    """The files that a patch changed."""

    files: tuple[PatchedFile, ...]


@dataclass(slots=True)
class _State:
    """A file as it was on the disk and as the patch leaves it. `origin`: where its bytes come from."""

    before: bytes | None
    after: bytes | None
    mode: int | None = None
    new_mode: int | None = None
    origin: str = ""


@tool(
    "Apply a patch",
    "Apply a patch to one or more files, all or nothing. Drifted lines are found again where that is "
    "unambiguous.",
    toolset="edit",
    effect="edits",
)
async def apply_patch(workspace: Workspace, params: ApplyPatchParams) -> Result:
    return await anyio.to_thread.run_sync(_apply, workspace, params)


def _apply(workspace: Workspace, params: ApplyPatchParams) -> Result:
    states: dict[str, _State] = {}
    notes: dict[str, list[str]] = {}
    for file in patch.parse(params.patch):
        path, target = workspace.relative(file.path), workspace.relative(file.target)
        said = _patch_one(workspace, states, file, path, target)
        notes.setdefault(target, []).extend(said)
    changes = [
        journal.Change(path, state.before, state.after, state.new_mode)
        for path, state in states.items()
        if state.before != state.after
        or (state.new_mode not in (None, state.mode) and state.after is not None)
    ]
    if not changes:
        raise BadArguments("The patch changes nothing: the files have its result already.")
    journal.apply(workspace, "apply_patch", changes)
    changed = {change.path for change in changes}
    files = [
        _summary(path, state, states, notes.get(path, []))
        for path, state in states.items()
        if path in changed
    ]
    gone = {file.old_path for file in files if file.kind == "R"}
    files = [file for file in files if file.kind != "D" or file.path not in gone]
    return Result(_text(workspace, files, states), Patched(files=tuple(files)))


def _load(workspace: Workspace, states: dict[str, _State], path: str) -> _State:
    if path not in states:
        try:
            data = workspace.read_bytes(path)
        except NotFound:
            states[path] = _State(None, None, origin=path)
        else:
            states[path] = _State(data, data, workspace.stat(path).mode, origin=path)
    return states[path]


def _patch_one(
    workspace: Workspace, states: dict[str, _State], file: FilePatch, path: str, target: str
) -> list[str]:
    """Do one file's part to the states; gives the notes on its hunks."""
    state = _load(workspace, states, path)
    if file.kind == "add":
        if state.after is not None:
            raise Conflict(f"'{path}' exists already; patch it with its lines, or delete it first.")
        state.after = "".join(
            line.text + ("\n" if line.ended else "") for hunk in file.hunks for line in hunk.new
        ).encode()
        state.new_mode = 0o755 if file.executable else None
        return []
    if state.after is None:
        raise NotFound(f"'{path}' does not exist, so the patch cannot change it; nothing was changed.")
    after, placed = state.after, list[placing.Placed]()
    if file.hunks:
        content = Content.decode(path, state.after)
        placed = placing.place(content, file.hunks)
        after = content.spliced(placing.splices(content, placed))
    if file.kind == "delete":
        _delete(workspace, state, path, after if file.hunks else b"")
        return []
    if target != path:
        other = _load(workspace, states, target)
        if other.after is not None:
            raise Conflict(f"'{target}' exists already, so '{path}' cannot be renamed to it.")
        other.origin, other.new_mode = path, state.new_mode or state.mode
        if not file.copy:
            _delete(workspace, state, path, b"")
        state = other
    state.after = after
    if file.executable is not None:
        mode = state.new_mode or state.mode or 0o644
        state.new_mode = mode | (mode & 0o444) >> 2 if file.executable else mode & ~0o111
    return [f"{one.hunk.label}: {one.note}" for one in placed if one.note]


def _delete(workspace: Workspace, state: _State, path: str, rest: bytes) -> None:
    if rest:
        raise Conflict(f"'{path}' holds lines that the patch does not delete; nothing was changed.")
    state.after = None
    state.new_mode = None


def _summary(path: str, state: _State, states: dict[str, _State], notes: Sequence[str]) -> PatchedFile:
    source = states[state.origin]
    before = source.before if state.before is None else state.before
    renamed = state.origin != path and source.after is None
    kind = "D" if state.after is None else "R" if renamed else "A" if state.before is None else "M"
    diff = unified(path, before, state.after).split("\n")[2:]
    return PatchedFile(
        kind=kind,
        path=path,
        old_path=state.origin if renamed else "",
        added=sum(line.startswith("+") for line in diff),
        removed=sum(line.startswith("-") for line in diff),
        hash=digest(state.after) if state.after is not None else "",
        notes=tuple(notes),
        syntax_errors=introduced_errors(path, before, state.after),
    )


def _text(workspace: Workspace, files: Sequence[PatchedFile], states: dict[str, _State]) -> str:
    lines = [f"Patched {len(files)} file{'s' if len(files) != 1 else ''}:"]
    for file in files:
        name = f"{file.old_path} -> {file.path}" if file.old_path else file.path
        lines.append(
            f"{file.kind} {name} +{file.added} -{file.removed}" + (f" hash {file.hash}" if file.hash else "")
        )
        lines += [f"    {note}" for note in file.notes]
        lines += [f"    introduced syntax error, {error}" for error in file.syntax_errors]
    for file in files:
        if file.notes:  # placed otherwise than it says: show what it became
            state = states[file.path]
            lines.append(reveal(unified(file.path, states[state.origin].before, state.after)))
    return clip("\n".join(lines), workspace.result_chars)
