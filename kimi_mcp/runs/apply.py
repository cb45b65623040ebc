"""Bringing a run's patch into the user's tree: journalled, all or nothing, undoable."""

import asyncio

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.runs.folder import RunFolder
from kimi_mcp.runs.further import attempt_folder
from kimi_tools import journal
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import Conflict, NotFound
from kimi_tools.journal import Change
from kimi_tools.workspace import Workspace

TOOL = "resolve_apply"


async def apply(folder: RunFolder, workspace: Workspace) -> list[str]:
    """Make the run's changes in `workspace`, and return the changed paths.

    Files that are as the run found them take its bytes as they are. When one has changed since, the patch is
    placed by `apply_patch` instead. Raises `Conflict` when it does not fit, `NotFound` when there is none.
    """
    if folder.record().request.in_place:
        raise Conflict(f"Run {folder.id} worked in place: its changes are in the tree already.")
    patch = folder.patch_file.read_bytes() if folder.patch_file.exists() else b""
    if not patch:
        raise NotFound(f"Run {folder.id} has no patch.")
    try:
        changes = await patched(folder)
        await asyncio.to_thread(journal.apply, workspace, TOOL, changes)
    except Conflict:
        placer = next(tool for tool in TOOLS if tool.name == "apply_patch")
        await placer(workspace, {"patch": patch.decode("utf-8", "replace")})
    return sorted(change.path for change in await patched(folder))


async def patched(folder: RunFolder) -> list[Change]:
    """The run's patch as a change of each file: its bytes before the run and behind it."""
    outcome = folder.outcome()
    best = attempt_folder(folder, outcome.attempt if outcome else 1)
    base, tree = _trees(best)
    snapshot = Snapshot(folder.record().request.root, best.tree)
    paths = await snapshot.differing(base, tree)
    before = await snapshot.files(base, paths)
    after = await snapshot.files(tree, paths)
    changes: list[Change] = []
    for path in paths:
        old, new = before.get(path), after.get(path)
        if old or new:
            mode = new[1] if new and (not old or old[1] != new[1]) else None
            changes.append(Change(path, old[0] if old else None, new[0] if new else None, mode))
    return changes


def _trees(folder: RunFolder) -> tuple[str, str]:
    """The state of the files before the run, and the one to hand in."""
    base = tree = ""
    for event in folder.events():
        match event:
            case ev.Started():
                base = tree = event.base
            case ev.Renewed():
                base, tree = event.base, event.tree
            case ev.Patched():
                tree = event.tree
            case ev.Ended() if event.outcome.tree:
                tree = event.outcome.tree
            case _:
                pass
    return base, tree
