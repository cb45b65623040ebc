"""Further attempts at an issue whose first patch could not be verified: each a run of its own inside the run."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from kimi_mcp.agent import attempts
from kimi_mcp.agent import events as ev
from kimi_mcp.agent.attempts import Candidate
from kimi_mcp.agent.state import State
from kimi_mcp.runs.folder import Record, RunFolder
from kimi_tools.errors import ToolError
from kimi_tools.process import program
from kimi_tools.workspace import Workspace

CROSS_SECONDS = 300
"""For one reproduction in another attempt's copy."""

LEAST_SECONDS = 60
"""With less time left, no further attempt is begun."""

Work = Callable[[RunFolder], AsyncGenerator[ev.Event]]
Open = Callable[[RunFolder, Path], Workspace]
"""Opens a workspace on the private copy of a run, for the run's own root."""


def attempt_folder(folder: RunFolder, number: int) -> RunFolder:
    """Where an attempt is kept: the first is the run itself."""
    return folder if number == 1 else RunFolder(folder.path / "attempts" / str(number))


async def further(folder: RunFolder, first: ev.Outcome, work: Work, open: Open) -> AsyncGenerator[ev.Event]:
    """Make more attempts while none is verified and the budget lasts; the last event is the best one's end."""
    made = [Candidate(1, first)]
    most = folder.record().request.most_attempts()
    while len(made) < most and attempts.worthwhile(made[-1].outcome):
        order = _order(folder, made)
        if order is None:
            break
        number = len(made) + 1
        one = attempt_folder(folder, number)
        if not (one.path / "run.json").exists():
            one.state.mkdir(parents=True, exist_ok=True, mode=0o700)
            if known := _state(folder).reranked:  # asked once for all attempts, and paid by the first
                one.append(ev.Reranked(order=known.order, problem=known.problem))
            one.write_record(order)
        outcome: ev.Outcome | None = None
        async with aclosing(work(one)) as events:
            async for event in events:
                if isinstance(event, ev.Called):
                    message = f"attempt {number}: {event.title}"
                    yield ev.Progressed(step=event.step, id="", message=message)
                outcome = event.outcome if isinstance(event, ev.Ended) else outcome
        if outcome is None or _base(one) != _base(folder):
            break  # the user's files changed since the first copy: the patches are not of the same tree
        yield ev.Attempted(number=number, outcome=outcome)
        made.append(Candidate(number, outcome))
    best = attempts.choose(await _crossed(folder, made, open))
    if best.number > 1:
        folder.write_patch(attempt_folder(folder, best.number).patch_file.read_bytes())
    yield ev.Ended(outcome=_whole(best, [candidate.outcome for candidate in made]))


def _order(folder: RunFolder, made: list[Candidate]) -> Record | None:
    """The next attempt's order, with what is left of the budget; None when too little is."""
    record = folder.record()
    budget = record.request.budget
    spent = sum(candidate.outcome.cost for candidate in made)
    passed = sum(candidate.outcome.seconds for candidate in made)
    cost, seconds = budget.cost - spent, budget.seconds - passed
    if (budget.cost and cost <= 0) or (budget.seconds and seconds < LEAST_SECONDS):
        return None
    left = {"cost": max(cost, 0.0) if budget.cost else 0.0, "seconds": seconds if budget.seconds else 0.0}
    hint = attempts.HINTS[min(len(made), len(attempts.HINTS)) - 1]
    request = record.request.model_copy(
        update={"issue": f"{record.request.issue}\n\n({hint})", "budget": budget.model_copy(update=left)}
    )
    return record.model_copy(update={"request": request, "pid": 0})


async def _crossed(folder: RunFolder, made: list[Candidate], open: Open) -> list[Candidate]:
    """Run in each attempt's copy the reproductions that the other attempts wrote."""
    commands = {
        candidate.number: _reproduction(attempt_folder(folder, candidate.number)) for candidate in made
    }
    found: list[Candidate] = []
    for candidate in made:
        others = {command for number, command in commands.items() if number != candidate.number and command}
        one = attempt_folder(folder, candidate.number)
        passed = 0
        if others and candidate.outcome.patch and one.place.is_dir():
            with contextlib.closing(open(one, folder.record().request.root)) as workspace:
                for command in sorted(others):
                    passed += await _passes(workspace, command)
        found.append(Candidate(candidate.number, candidate.outcome, passed))
    return found


async def _passes(workspace: Workspace, command: str) -> bool:
    try:
        done = await workspace.run([program("bash"), "-c", command], timeout=CROSS_SECONDS)
    except ToolError:
        return False
    return done.exit_code == 0


def _reproduction(folder: RunFolder) -> str:
    """The command that an attempt showed to fail before it changed anything; empty when it has none."""
    state = _state(folder)
    return next((one.command for one in state.reproductions if one.before and one.exit_code), "")


def _base(folder: RunFolder) -> str:
    return _state(folder).base


def _state(folder: RunFolder) -> State:
    state = State()
    for event in folder.events():
        state.apply(event)
    return state


def _whole(best: Candidate, outcomes: list[ev.Outcome]) -> ev.Outcome:
    """The best attempt's outcome, with what all attempts used."""
    sums = ("steps", "prompt_tokens", "cached_tokens", "completion_tokens", "cost", "seconds")
    used = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in sums}
    whole = {"unpriced": any(outcome.unpriced for outcome in outcomes), "attempts": len(outcomes)}
    return best.outcome.model_copy(update={**used, **whole, "attempt": best.number})
