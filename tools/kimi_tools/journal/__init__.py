"""Every change that a tool makes to files: all or nothing, recorded, and taken back with `undo`.

`apply` is the only way in which the workshop writes into a workspace. A step is made so: the intent with the
bytes of every file as it was goes to the disk; the new bytes are written beside each file; each file is
looked at once more and replaced by rename; the step is marked as done. A failure on the way takes back what
was made. A crash on the way is found by whoever takes the journal's lock next, and taken back then (or, when
only the mark was missing, kept). A reader sees each file old or new, never torn.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_tools.errors import BadArguments, Conflict, NotAllowed, NotFound, PathRefused, ToolError
from kimi_tools.journal import target
from kimi_tools.journal.store import FileStep, Step, Store, Version, same
from kimi_tools.policy import Request
from kimi_tools.protected import holds_secret, protected_part
from kimi_tools.workspace import Stale, Workspace, door
from kimi_tools.workspace.content import digest
from kimi_tools.workspace.diff import unified
from kimi_tools.workspace.root import MAX_FILE_BYTES

MAX_FILES = 5_000
"""Files in one step."""

MAX_STEP_BYTES = 256 * 1024 * 1024
"""Bytes that one step may replace: they are held in memory and kept in the journal."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file's change. `before`: its bytes as the caller read them, None when it must not exist.

    `after`: its new bytes, None to delete it. `mode`: permission bits for the result; None keeps the file's
    own, or for a new one what the umask gives. A symlink is followed: its target inside the root is changed.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One journalled step of one tool; what `undo` takes back.

    `undone`: taken back by a later `undo`. `cut_off`: it was interrupted by a crash and taken back.
    """

    id: str
    tool: str
    time: float
    paths: tuple[str, ...]
    undone: bool = False
    cut_off: bool = False


def apply(workspace: Workspace, tool: str, changes: Sequence[Change]) -> Record:
    """Make all changes or none, and record them.

    Blocks for the disk: call it in a worker thread. Raises `Conflict` when a file is not as `before` says,
    `PathRefused` for git's own files, `NotAllowed` for protected files without leave.
    """
    if not changes:
        raise BadArguments("There is nothing to change.")
    planned = [(change, _judge(workspace, change)) for change in changes]
    _check_limits(planned)
    _ask_for_protected(workspace, planned)
    store = Store(workspace.state)
    with store.locked() as folder:
        _recover(workspace, store, folder)
        return _make(workspace, store, folder, tool, planned)


def records(workspace: Workspace, limit: int = 20) -> list[Record]:
    """The newest records, newest first; those of `undo` itself are not listed."""
    store = Store(workspace.state)
    with store.locked() as folder:
        _recover(workspace, store, folder)
        steps = store.steps(folder)
    undone = _undone(steps)
    return [_record(step, undone) for step in steps if not step.undoes][:limit]


def recover(workspace: Workspace) -> list[Record]:
    """Take back what a crash cut off, if anything; call it when a workspace is opened."""
    store = Store(workspace.state)
    if not store.folder.is_dir():
        return []
    with store.locked() as folder:
        return _recover(workspace, store, folder)


def undo(workspace: Workspace, count: int = 1, *, redo: bool = False) -> list[Record]:
    """Take back the newest `count` steps that are not undone, all or none; with `redo`, the newest undos.

    Gives the steps, newest first. Raises `NotFound` when there are fewer, `Conflict` when one of their files
    has been changed since.
    """
    store = Store(workspace.state)
    with store.locked() as folder:
        _recover(workspace, store, folder)
        steps = store.steps(folder)
        undone = _undone(steps)
        open_steps = [
            step
            for step in steps
            if step.state == "done" and step.number not in undone and bool(step.undoes) == redo
        ]
        picked = open_steps[:count]
        if len(picked) < count:
            what = "undo to take back" if redo else "change of these tools left to undo"
            raise NotFound(f"There are {len(picked)} of the {count}: no {what}." if picked else f"No {what}.")
        changes = _reversal(workspace, store, folder, picked)
        planned = [(change, _judge(workspace, change)) for change in changes]
        _make(workspace, store, folder, "undo", planned, undoes=tuple(step.number for step in picked))
        for step in picked:
            target.remove_folders(workspace.descriptor, step.folders)
    return [_record(step, undone | {step.number}) for step in picked]


def _judge(workspace: Workspace, change: Change) -> str:
    """Where the change really lands. Raises `PathRefused` for what no file tool may write."""
    path = workspace.relative(change.path)
    if path == ".":
        raise PathRefused("The root is a directory; name a file in it.")
    real = path if protected_part(path) == ".git" else workspace.real_path(path)
    if protected_part(real) == ".git":
        raise PathRefused(f"'{path}' belongs to git and is not written by file tools; use the git tools.")
    if (
        change.after is None
        and workspace.exists(path)
        and workspace.stat(path, follow=False).kind == "symlink"
    ):
        raise PathRefused(f"'{path}' is a symlink; file tools do not remove those, use run_command.")
    if change.after is not None and len(change.after) > MAX_FILE_BYTES:
        raise PathRefused(f"'{path}' would have {len(change.after):,} bytes; at most {MAX_FILE_BYTES:,}.")
    return real


def _check_limits(planned: Sequence[tuple[Change, str]]) -> None:
    if len({real for _, real in planned}) < len(planned):
        raise BadArguments("One file is named twice in the same step; put its changes into one.")
    if len(planned) > MAX_FILES:
        raise BadArguments(f"{len(planned):,} files in one step; at most {MAX_FILES:,}.")
    if sum(len(change.before or b"") for change, _ in planned) > MAX_STEP_BYTES:
        raise BadArguments(f"More than {MAX_STEP_BYTES:,} bytes in one step; change fewer files at a time.")


def _ask_for_protected(workspace: Workspace, planned: Sequence[tuple[Change, str]]) -> None:
    for change, real in planned:
        path = workspace.relative(change.path)
        data = change.after if change.before is None else change.before
        protected = protected_part(path) or protected_part(real)
        if not protected and not any(holds_secret(name, data or b"") for name in (path, real)):
            continue
        content = unified(path, change.before, change.after)
        why = f"programs outside the sandbox obey {protected}" if protected else "it holds secrets"
        workspace.policy.require(Request("protected", path, f"Change '{path}' ({why}).", content))


def _make(
    workspace: Workspace,
    store: Store,
    folder: int,
    tool: str,
    planned: Sequence[tuple[Change, str]],
    undoes: tuple[int, ...] = (),
) -> Record:
    """One step, with the lock held."""
    root = workspace.descriptor
    steps = store.steps(folder)
    number = steps[0].number + 1 if steps else 1
    files = tuple(_plan(root, number, change, real) for change, real in planned)
    folders = dict.fromkeys(
        path for change, real in planned if change.after is not None
        for path in target.missing_folders(root, real)
    )  # fmt: skip
    step = Step(number, "intent", tool, time.time(), files, tuple(folders), undoes)
    try:
        store.begin(folder, step, [change.before for change, _ in planned])
        try:
            target.make_folders(root, step.folders)
            for file, (change, _) in zip(files, planned, strict=True):
                if change.after is not None:
                    target.prepare(root, file, change.after, change.mode)
            for file in files:
                target.swap(root, file, file.before, file.after)
            for file in files:
                target.discard(root, file)
            store.finish(folder, number, "done")
        except BaseException:
            _give_up(workspace, store, folder, step)
            raise
    except OSError as error:
        raise door.explain(error, workspace.relative(planned[0][0].path)) from error
    with contextlib.suppress(OSError):
        store.prune(folder, store.steps(folder))
    return _record(step, frozenset())


def _plan(root: int, number: int, change: Change, real: str) -> FileStep:
    """What will be done to one file, if it is as the caller believes."""
    now = target.present(root, real, change.path)
    data = now[1] if now else None
    if data != change.before:
        raise _conflict(change, data)
    before = now[0] if now else None
    if before and before.mode is not None and not before.mode & 0o222 and change.mode is None:
        raise NotAllowed(f"'{change.path}' is read-only (mode {before.mode:o}); make it writable first.")
    after = None
    if change.after is not None:
        mode = change.mode if change.mode is not None or before is None else before.mode
        after = Version.of(change.after, mode)
    index = real.rpartition("/")[2].encode()
    temporary = f".kimi-{number}-{digest(index)}.tmp"
    return FileStep(change.path, real, temporary, before, after)


def _conflict(change: Change, data: bytes | None) -> Conflict:
    if data is None:
        return Conflict(f"'{change.path}' is not there any more; look for it with find_files.")
    if change.before is None:
        return Conflict(f"'{change.path}' exists already (hash {digest(data)}); read it first.")
    return Stale(
        f"'{change.path}' changed since it was read (its hash is now {digest(data)}); "
        "read it again and repeat the change."
    )


def _reversal(workspace: Workspace, store: Store, folder: int, picked: Sequence[Step]) -> list[Change]:
    """The changes that take back some steps, newest first: per file, from its newest to its oldest state."""
    newest: dict[str, Version | None] = {}
    oldest: dict[str, tuple[bytes | None, Version | None]] = {}
    for step in picked:
        for file, image in zip(step.files, store.images(folder, step), strict=True):
            if file.real in oldest and not same(oldest[file.real][1], file.after):
                raise Conflict(_changed_since(file.real))
            newest.setdefault(file.real, file.after)
            oldest[file.real] = (image, file.before)
    changes: list[Change] = []
    for real, (image, version) in oldest.items():
        now = target.present(workspace.descriptor, real, real)
        if not same(now[0] if now else None, newest[real]):
            raise Conflict(_changed_since(real))
        if now is not None or image is not None:
            changes.append(Change(real, now[1] if now else None, image, version.mode if version else None))
    return changes


def _changed_since(path: str) -> str:
    return f"'{path}' was changed since by something else, so undo would lose that; nothing was undone."


def _undone(steps: Sequence[Step]) -> frozenset[int]:
    """The numbers of the steps that an undo, itself not undone, has taken back. `steps`: newest first."""
    undone: set[int] = set()
    for step in steps:
        if step.state == "done" and step.number not in undone:
            undone.update(step.undoes)
    return frozenset(undone)


def _record(step: Step, undone: frozenset[int]) -> Record:
    paths = tuple(file.path for file in step.files)
    return Record(
        str(step.number), step.tool, step.time, paths, step.number in undone, cut_off=step.state == "back"
    )


def _recover(workspace: Workspace, store: Store, folder: int) -> list[Record]:
    """Finish or take back the steps that a crash cut off; the lock is held, so nobody is making them."""
    cut_off = [step for step in store.steps(folder) if step.state == "intent"]
    for step in cut_off:
        root = workspace.descriptor
        now = [target.present(root, file.real, file.path) for file in step.files]
        complete = all(
            same(version[0] if version else None, file.after)
            for version, file in zip(now, step.files, strict=True)
        )
        if complete:
            for file in step.files:
                target.discard(root, file)
            store.finish(folder, step.number, "done")
        else:
            _take_back(workspace, store, folder, step)
    return [_record(step, frozenset()) for step in cut_off]


def _give_up(workspace: Workspace, store: Store, folder: int, step: Step) -> None:
    try:
        _take_back(workspace, store, folder, step)
    except OSError as error:
        raise ToolError(
            f"The change could not be completed nor yet taken back ({error.strerror}); "
            "the next edit of this workspace takes it back first."
        ) from error


def _take_back(workspace: Workspace, store: Store, folder: int, step: Step) -> None:
    """Put the files of an incomplete step back; one that somebody else has changed since is let be."""
    root = workspace.descriptor
    for file, image in zip(step.files, store.images(folder, step), strict=True):
        target.discard(root, file)
        now = target.present(root, file.real, file.path)
        version = now[0] if now else None
        if same(version, file.before) or not same(version, file.after):
            continue
        if image is not None:
            target.prepare(root, file, image, file.before.mode if file.before else None)
        target.swap(root, file, version, file.before)
        target.discard(root, file)
    target.remove_folders(root, step.folders)
    store.finish(folder, step.number, "back")


__all__ = ["Change", "Record", "apply", "records", "recover", "undo"]
