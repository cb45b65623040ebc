"""Taking back a step that was cut off: by an error on the way, or by the end of its process."""

import contextlib
from collections.abc import Generator, Sequence

from kimi_tools.errors import Conflict, NotFound, PathRefused, ToolError
from kimi_tools.journal import target
from kimi_tools.journal.store import FileStep, Step, Store, same
from kimi_tools.workspace import Workspace, door


@contextlib.contextmanager
def opened(workspace: Workspace) -> Generator[tuple[Store, list[Step]]]:
    """The workspace's journal, locked and with nothing cut off in it; gives also the steps that were.

    Raises `ToolError` when the journal cannot be used.
    """
    try:
        with Store.locked(workspace.state) as store:
            yield store, _recover(workspace, store)
    except OSError as error:
        told = door.explain(error, str(workspace.state / "journal"))
        told.args = (
            f"{told} Without its record no change is made; KIMI_MCP_STATE names another place for it.",
        )
        raise told from error


def _recover(workspace: Workspace, store: Store) -> list[Step]:
    """Finish or take back what is still an intent: the lock is held, so nobody is making it any more."""
    cut_off = store.steps("intent")
    for step in cut_off:
        try:
            with target.Folders(workspace.descriptor) as folders:
                _settle(folders, store, step)
        except (OSError, ToolError) as error:
            raise ToolError(
                f"A change that was cut off ({', '.join(file.path for file in step.files[:5])}) cannot be taken "
                f"back: {error} Once that is mended the next edit does it; or remove the file "
                f"{step.number:08d}.intent in {workspace.state / 'journal'} to leave the files as they are."
            ) from error
    return cut_off


def _settle(folders: target.Folders, store: Store, step: Step) -> None:
    """Keep a step whose files are all as it was to leave them, so that only its mark was missing."""
    for file in step.files:
        now = target.present(folders, file.real, file.path)
        if not same(now[0] if now else None, file.after):
            _take_back(folders, store, step)
            return
    for file in step.files:
        target.discard(folders, file)
    store.finish(step.number, "done")


def give_up(folders: target.Folders, store: Store, step: Step) -> None:
    """Take back a step in which something failed. Raises `ToolError` when that fails too."""
    try:
        _take_back(folders, store, step)
    except OSError as error:
        raise ToolError(
            f"The change could not be completed nor yet taken back ({error.strerror}); "
            "the next edit of this workspace takes it back first."
        ) from error


def _take_back(folders: target.Folders, store: Store, step: Step) -> None:
    """Put the files of an incomplete step back; one that somebody else has changed since is let be."""
    for file, image in zip(step.files, store.images(step), strict=True):
        with contextlib.suppress(Conflict, NotFound, PathRefused):
            _restore(folders, file, image)
    target.remove_folders(folders, step.folders)
    store.finish(step.number, "back")


def _restore(folders: target.Folders, file: FileStep, image: bytes | None) -> None:
    target.discard(folders, file)
    now = target.present(folders, file.real, file.path)
    version = now[0] if now else None
    if same(version, file.before) or not same(version, file.after):
        return
    if image is not None:
        target.prepare(folders, file, image, file.before.mode if file.before else None)
    target.swap(folders, file, version, file.before)
    target.discard(folders, file)


def undone(steps: Sequence[Step]) -> frozenset[int]:
    """The numbers of the steps that an undo, itself not undone, has taken back. `steps`: newest first."""
    numbers: set[int] = set()
    for step in steps:
        if step.state == "done" and step.number not in numbers:
            numbers.update(step.undoes)
    return frozenset(numbers)
