"""What a run may use: steps, tokens, money, time; a notice at 80 %, the end at 100 %."""

import time
from dataclasses import dataclass

from kimi_mcp.agent.events import Budget
from kimi_mcp.agent.state import State

NOTICE_AT = 0.8


@dataclass(frozen=True, slots=True)
class Use:
    """One limited thing: how much is used of how much, and both in words."""

    name: str
    used: float
    limit: float
    words: str

    @property
    def share(self) -> float:
        """The used part; 1 and above is exhausted."""
        return self.used / self.limit


def seconds(state: State) -> float:
    """Wall time at work up to now."""
    return state.seconds + (max(0.0, time.time() - state.last_at) if state.last_at else 0.0)


def seconds_left(state: State) -> float | None:
    """Wall time left, None where it is not limited."""
    limit = _budget(state).seconds
    return max(0.0, limit - seconds(state)) if limit else None


def dollars_left(state: State) -> float | None:
    """Money left, None where it is not limited."""
    limit = _budget(state).cost
    return max(0.0, limit - state.cost) if limit else None


def uses(state: State) -> list[Use]:
    """Every limit that is set, the most used first."""
    budget = _budget(state)
    clock = seconds(state)
    every = [
        Use("steps", state.step, budget.steps, f"{state.step} of {budget.steps} steps"),
        Use("tokens", state.tokens, budget.tokens, f"{state.tokens:,} of {budget.tokens:,} tokens"),
        Use("cost", state.cost, budget.cost, f"${state.cost:.2f} of ${budget.cost:.2f}"),
        Use("time", clock, budget.seconds, f"{clock / 60:.1f} of {budget.seconds / 60:.1f} minutes"),
    ]
    return sorted((use for use in every if use.limit), key=lambda use: -use.share)


def notice(state: State) -> str:
    """What to tell the model once, when 80 % of something is used; empty otherwise."""
    near = [use for use in uses(state) if use.share >= NOTICE_AT]
    if not near or "budget" in state.notices:
        return ""
    return (
        f"Wrap up: {near[0].words} are used. Finish the smallest complete fix, check it, and submit; when "
        "the budget ends, the changes so far are handed in as they are."
    )


def exhausted(state: State) -> str:
    """Why the run must end now; empty while it may go on."""
    return next((f"The budget is used up: {use.words}." for use in uses(state) if use.share >= 1), "")


def _budget(state: State) -> Budget:
    return state.started.budget if state.started else Budget()
