"""The tool `undo`."""

import time

import anyio.to_thread

from kimi_tools import journal
from kimi_tools.clip import clip
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace


class UndoParams(Params):
    count: int = Param("Changes to take back; 0 lists them", default=1, ge=0, le=200)
    redo: bool = Param("Take back undos instead", default=False)


class UndoneStep(Data):
    """One journalled change: its number, the tool that made it, its files, seconds since the epoch."""

    id: str
    tool: str
    paths: tuple[str, ...]
    time: float
    undone: bool


class Undone(Data):
    """The changes taken back (or, for `count` 0, those on record), newest first."""

    steps: tuple[UndoneStep, ...]


@tool(
    "Undo changes",
    "Take back the last changes that these tools made to files, also after a restart; refuses where a file "
    "was changed since.",
    toolset="edit",
    effect="edits",
)
async def undo(workspace: Workspace, params: UndoParams) -> Result:
    if params.count == 0:
        records = await anyio.to_thread.run_sync(journal.records, workspace)
        head = f"{len(records)} changes on record, newest first:" if records else "No changes on record."
    else:
        records = await anyio.to_thread.run_sync(
            lambda: journal.undo(workspace, params.count, redo=params.redo)
        )
        head = f"{'Redone' if params.redo else 'Undone'}, newest first:"
    lines = [head, *(_line(record, listed=params.count == 0) for record in records)]
    steps = tuple(
        UndoneStep(id=one.id, tool=one.tool, paths=one.paths, time=one.time, undone=one.undone)
        for one in records
    )
    return Result(clip("\n".join(lines), workspace.result_chars), Undone(steps=steps))


def _line(record: journal.Record, listed: bool) -> str:
    note = ""
    if listed:
        minutes = max(0, int(time.time() - record.time)) // 60
        note = f" ({minutes} min ago)"
        note += (
            " [undone]" if record.undone else " [cut off by a crash, taken back]" if record.cut_off else ""
        )
    shown = ", ".join(record.paths[:20])
    more = f" and {len(record.paths) - 20} more" if len(record.paths) > 20 else ""
    return f"#{record.id} {record.tool}{note}: {shown}{more}"
