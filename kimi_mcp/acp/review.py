"""What a run came to, as data for an editor that shows it for review: `_meta["kimi-mcp"]` of a session update.

ACP has no form for a finished patch with its evidence. This is ours, in a standard `session_info_update`, so
that other editors pass over it. It is sent when a run has ended, live and when a session is loaded.
"""

import base64
from typing import Any

from acp import schema

from kimi_mcp.acp.updates import META
from kimi_mcp.agent import events as ev
from kimi_mcp.runs.apply import patched
from kimi_mcp.runs.folder import RunFolder
from kimi_tools.errors import ToolError
from kimi_tools.journal import Change

FILE_BYTES = 2_000_000
TOTAL_BYTES = 10_000_000
"""Above these a file is named without its text."""


async def ended(folder: RunFolder, outcome: ev.Outcome) -> schema.SessionInfoUpdate:
    """The outcome, what was measured on the way, and each changed file before and after."""
    measured = [event for event in folder.events() if isinstance(event, ev.Returned)]
    reproductions = [event.reproduction for event in measured if event.reproduction]
    told: dict[str, Any] = {
        "run": folder.id,
        "inPlace": folder.record().request.in_place,
        "outcome": outcome.model_dump(mode="json", exclude={"patch", "tree"}),
        "verified": outcome.evidence.verified,
        "reproductions": [one.model_dump(mode="json", exclude={"tree"}) for one in reproductions],
        "tests": [_tests(event.tests) for event in measured if event.tests],
        "files": await _files(folder) if outcome.patch else [],
    }
    return schema.SessionInfoUpdate(session_update="session_info_update", field_meta={META: told})


def _tests(run: ev.TestRun) -> dict[str, Any]:
    return {
        "command": run.command,
        "before": run.before,
        "failed": list(run.failed),
        "passed": len(run.passed),
        "skipped": run.skipped,
        "errors": run.errors,
    }


async def _files(folder: RunFolder) -> list[dict[str, Any]]:
    try:
        changes = await patched(folder)
    except (ToolError, OSError):
        return []
    left = TOTAL_BYTES
    told: list[dict[str, Any]] = []
    for change in changes:
        size = len(change.before or b"") + len(change.after or b"")
        told.append(_file(change, shown=size <= min(FILE_BYTES, left)))
        left -= size if size <= min(FILE_BYTES, left) else 0
    return told


def _file(change: Change, *, shown: bool) -> dict[str, Any]:
    """`before` and `after` are None where there is no file; absent where the file is no text or too large.

    A file that is no text has its bytes in `bytes`, before and after, in base64.
    """
    told: dict[str, Any] = {"path": change.path, "mode": change.mode}
    told["status"] = "added" if change.before is None else "deleted" if change.after is None else "modified"
    if not shown:
        return told
    sides = (change.before, change.after)
    try:
        told["before"], told["after"] = (None if data is None else data.decode() for data in sides)
    except UnicodeDecodeError:
        told["bytes"] = [None if data is None else base64.b64encode(data).decode() for data in sides]
    return told
