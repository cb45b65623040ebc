"""What has happened in a session: its runs, told again, and copied for a fork."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from kimi_mcp.acp.review import ended
from kimi_mcp.acp.store import Stored
from kimi_mcp.acp.updates import Updates
from kimi_mcp.agent import events as ev
from kimi_mcp.runs.folder import RunFolder, copied, find


def runs_of(stored: Stored, state: Path) -> list[RunFolder]:
    """The session's runs, oldest first, but those that the user has removed."""
    return [find(state, name) for name in stored.runs if (state / "runs" / name / "run.json").is_file()]


async def retold(stored: Stored, state: Path) -> AsyncIterator[Any]:
    """Every update of the session's past."""
    for folder in runs_of(stored, state):
        updates = Updates(stored.cwd, replaying=True)
        for event in folder.events():
            for update in updates.of(event):
                yield update
            if isinstance(event, ev.Ended):
                yield await ended(folder, event.outcome)


def copied_runs(stored: Stored, state: Path) -> tuple[str, ...]:
    """Copies of the session's runs, for another session to go on with."""
    return tuple(copied(folder).id for folder in runs_of(stored, state))
