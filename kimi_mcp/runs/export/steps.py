"""A run's events put together by step: what was said, the answer, what its calls came to."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import State


@dataclass(slots=True)
class Step:
    """One answer with its results. `spent`: dollars of the run up to and with this step."""

    answered: ev.Answered
    returned: list[ev.Returned] = field(default_factory=list[ev.Returned])
    patched: ev.Patched | None = None
    submitted: ev.Submitted | None = None
    spent: float = 0.0


Part = Step | ev.Reranked | ev.Said | ev.Folded | ev.Troubled | ev.Resumed | ev.Attempted


@dataclass(slots=True)
class Trajectory:
    """A whole run. `parts`: messages, steps and foldings in their order."""

    state: State
    parts: list["Part"]

    @property
    def steps(self) -> list[Step]:
        """The steps alone."""
        return [part for part in self.parts if isinstance(part, Step)]

    @property
    def outcome(self) -> ev.Outcome | None:
        """How it ended; None while it has not."""
        return self.state.ended.outcome if self.state.ended else None


def trajectory(events: Iterable[ev.Event]) -> Trajectory:
    """Put events together."""
    state = State()
    found = Trajectory(state, [])
    step: Step | None = None
    for event in events:
        state.apply(event)
        match event:
            case ev.Answered():
                step = Step(event, spent=state.cost)
                found.parts.append(step)
            case ev.Reranked() | ev.Said() | ev.Folded() | ev.Troubled() | ev.Resumed() | ev.Attempted():
                found.parts.append(event)
            case ev.Returned() if step:
                step.returned.append(event)
            case ev.Patched() if step:
                step.patched = event
            case ev.Submitted() if step:
                step.submitted = event
            case _:
                pass
    return found
