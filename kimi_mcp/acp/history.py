"""What has happened in a session: its runs, told again, and copied for a fork."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimi_mcp.acp.review import ended
from kimi_mcp.acp.store import Stored
from kimi_mcp.acp.updates import Updates
from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import State
from kimi_mcp.runs.folder import RunFolder, copied, find


def runs_of(stored: Stored, state: Path) -> list[RunFolder]:
    """The session's runs, oldest first, but those that the user has removed."""
    return [find(state, name) for name in stored.runs if (state / "runs" / name / "run.json").is_file()]


def window(folder: RunFolder) -> int:
    """Tokens of the context of a run that has begun; 0 of one that has not."""
    began = (event for event, _ in folder.lines_from(0) if isinstance(event, ev.Started))
    return next((event.window for event in began), 0)


@dataclass(slots=True)
class Spent:
    """What a session has used: `cost` in US dollars, `priced` when every answer had a price."""

    steps: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    priced: bool = True

    def words(self) -> str:
        """One line for the user."""
        if not self.steps:
            return "Nothing yet."
        money = f"${self.cost:.3f}" if self.cost else "no money: the model costs nothing"
        if not self.priced:
            known = f" (${self.cost:.3f} for the answers that had one)" if self.cost else ""
            money = f"the price is not known{known}"
        return (
            f"{self.steps} steps, {self.prompt:,} prompt tokens ({self.cached:,} cached), "
            f"{self.completion:,} answer tokens, {money}, {self.seconds:.0f} s"
        )


def spent(stored: Stored, state: Path) -> Spent:
    """What all runs of the session have used, unfinished ones too."""
    total = Spent()
    for folder in runs_of(stored, state):
        known = State()
        for event in folder.events():
            known.apply(event)
        used = folder.outcome() or known  # the outcome is of all attempts
        total.steps += used.step if isinstance(used, State) else used.steps
        total.prompt += used.prompt_tokens
        total.cached += used.cached_tokens
        total.completion += used.completion_tokens
        total.cost += used.cost
        total.seconds += used.seconds
        total.priced = total.priced and not known.unpriced
    return total


async def retold(stored: Stored, state: Path) -> AsyncIterator[Any]:
    """Every update of the session's past."""
    updates = Updates(stored.cwd, replaying=True)
    for folder in runs_of(stored, state):
        for event in folder.events():
            for update in updates.of(event):
                yield update
            if isinstance(event, ev.Ended):
                yield await ended(folder, event.outcome)


def copied_runs(stored: Stored, state: Path) -> tuple[str, ...]:
    """Copies of the session's runs, for another session to go on with."""
    return tuple(copied(folder).id for folder in runs_of(stored, state))
