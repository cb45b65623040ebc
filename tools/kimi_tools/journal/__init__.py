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

from kimi_tools.errors import Conflict, NotAllowed, NotFound
from kimi_tools.journal import target
from kimi_tools.journal.change import Change, Judged, judge, require_leave
from kimi_tools.journal.recovery import give_up, opened, undone
from kimi_tools.journal.store import FileStep, Step, Store, Version, same
from kimi_tools.journal.target import Folders
from kimi_tools.workspace import Stale, Workspace, door
from kimi_tools.workspace.content import digest


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
    judged = judge(workspace, changes)
    require_leave(workspace, judged)
    with opened(workspace) as (store, _), Folders(workspace.descriptor) as folders:
        return _make(folders, store, tool, judged)


def records(workspace: Workspace, limit: int = 20) -> list[Record]:
    """The newest records, newest first; those of `undo` itself are not listed."""
    with opened(workspace) as (store, _):
        steps = store.steps()
    gone = undone(steps)
    return [_record(step, gone) for step in steps if not step.undoes][:limit]


def recover(workspace: Workspace) -> list[Record]:
    """Take back what a crash cut off, if anything; call it when a workspace is opened."""
    if not (workspace.state / "journal").is_dir():
        return []
    with opened(workspace) as (_, cut_off):
        return [_record(step, frozenset()) for step in cut_off]


def undo(workspace: Workspace, count: int = 1, *, redo: bool = False) -> list[Record]:
    """Take back the newest `count` steps that are not undone, all or none; with `redo`, the newest undos.

    Gives the steps, newest first. Raises `NotFound` when there are fewer, `Conflict` when one of their files
    has been changed since.
    """
    with opened(workspace) as (store, _):
        steps = store.steps()
        gone = undone(steps)
        open_steps = [
            step for step in steps
            if step.state == "done" and step.number not in gone and bool(step.undoes) == redo
        ]  # fmt: skip
        picked = open_steps[:count]
        if len(picked) < count:
            what = "undos to take back" if redo else "changes of these tools left to undo"
            raise NotFound(f"There are only {len(picked)} {what}." if picked else f"There are no {what}.")
        with Folders(workspace.descriptor) as folders:
            judged = judge(workspace, _reversal(folders, store, picked))
            _make(folders, store, "undo", judged, undoes=tuple(step.number for step in picked))
            for step in picked:
                target.remove_folders(folders, step.folders)
    return [_record(step, gone | {step.number}) for step in picked]


def _make(
    folders: Folders, store: Store, tool: str, judged: Sequence[Judged], undoes: tuple[int, ...] = ()
) -> Record:
    """One step, with the lock held."""
    step = _planned(folders, store, tool, judged, undoes)
    try:
        store.begin(step, [one.change.before for one in judged])
        try:
            _replace_files(folders, step, judged)
            store.finish(step.number, "done")
        except BaseException:
            give_up(folders, store, step)
            raise
    except OSError as error:
        raise door.explain(error, judged[0].path) from error
    with contextlib.suppress(OSError):
        store.prune()
    return _record(step, frozenset())


def _planned(
    folders: Folders, store: Store, tool: str, judged: Sequence[Judged], undoes: tuple[int, ...]
) -> Step:
    number = next((number for number, _ in store.names()), 0) + 1
    files = tuple(_plan(folders, number, one) for one in judged)
    missing = [
        path for one in judged if one.change.after is not None
        for path in folders.missing(one.real)
    ]  # fmt: skip
    return Step(number, "intent", tool, time.time(), files, tuple(dict.fromkeys(missing)), undoes)


def _replace_files(folders: Folders, step: Step, judged: Sequence[Judged]) -> None:
    target.make_folders(folders, step.folders)
    for file, one in zip(step.files, judged, strict=True):
        if one.change.after is not None:
            target.prepare(folders, file, one.change.after, one.change.mode)
    for file in step.files:
        target.swap(folders, file, file.before, file.after)
    for file in step.files:
        target.discard(folders, file)


def _plan(folders: Folders, number: int, judged: Judged) -> FileStep:
    """What will be done to one file, if it is as the caller believes."""
    path, real, change = judged.path, judged.real, judged.change
    now = target.present(folders, real, path)
    data = now[1] if now else None
    if data != change.before:
        raise _conflict(path, change, data)
    before = now[0] if now else None
    if before and before.mode is not None and not before.mode & 0o222 and change.mode is None:
        raise NotAllowed(f"'{path}' is read-only (mode {before.mode:o}); make it writable first.")
    after = None
    if change.after is not None:
        mode = change.mode if change.mode is not None or before is None else before.mode
        after = Version.of(change.after, mode)
    temporary = f".kimi-{number}-{digest(real.encode(errors='surrogateescape'))}.tmp"
    return FileStep(path, real, temporary, before, after)


def _conflict(path: str, change: Change, data: bytes | None) -> Conflict:
    if data is None:
        return Conflict(f"'{path}' is not there any more; look for it with find_files.")
    if change.before is None:
        return Conflict(f"'{path}' exists already (hash {digest(data)}); read it first.")
    return Stale(
        f"'{path}' changed since it was read (its hash is now {digest(data)}); "
        "read it again and repeat the change."
    )


def _reversal(folders: Folders, store: Store, picked: Sequence[Step]) -> list[Change]:
    """The changes that take back some steps, newest first: per file, from its newest to its oldest state."""
    newest: dict[str, Version | None] = {}
    oldest: dict[str, tuple[bytes | None, Version | None]] = {}
    for step in picked:
        for file, image in zip(step.files, store.images(step), strict=True):
            if file.real in oldest and not same(oldest[file.real][1], file.after):
                raise Conflict(_changed_since(file.real))
            newest.setdefault(file.real, file.after)
            oldest[file.real] = (image, file.before)
    changes: list[Change] = []
    for real, (image, version) in oldest.items():
        now = target.present(folders, real, real)
        if not same(now[0] if now else None, newest[real]):
            raise Conflict(_changed_since(real))
        if now is not None or image is not None:
            changes.append(Change(real, now[1] if now else None, image, version.mode if version else None))
    return changes


def _changed_since(path: str) -> str:
    return f"'{path}' was changed since by something else, so undo would lose that; nothing was undone."


def _record(step: Step, gone: frozenset[int]) -> Record:
    paths = tuple(file.path for file in step.files)
    return Record(
        str(step.number), step.tool, step.time, paths, step.number in gone, cut_off=step.state == "back"
    )


__all__ = ["Change", "Record", "apply", "records", "recover", "undo"]
