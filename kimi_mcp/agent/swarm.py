"""Helpers that look at the repository side by side, each with a question and a context of its own.

They read only, so that nobody edits the same tree at once; the paths that the orchestrator waits for are what
counts (Moonshot's critical steps). Where the host lets only so many requests through at a time, the client keeps to
that, so on an account with one slot they go one by one.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.functions import read_result, update_plan
from kimi_mcp.agent.loop import run
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.spending import Spending
from kimi_mcp.agent.state import State
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.model.messages import Model, Usage
from kimi_tools.errors import BadArguments, Unavailable
from kimi_tools.progress import report
from kimi_tools.tool import Param, Params, Result, Tool, tool
from kimi_tools.workspace import Workspace

AT_ONCE, MOST = 4, 8
"""Helpers at work side by side, and of one call."""

SWARM_AT_ONCE, SWARM_MOST = 20, 100
"""The same in the mode `swarm`; Moonshot's own swarm has up to 100."""

BUDGET = ev.Budget(steps=25, seconds=900)
"""For each helper; Moonshot's own subagents have 100 steps at most."""

ANSWER_CHARS = 6_000
"""Of each helper's answer; together they are bounded as every result is."""

_ORDER = (
    "You are one of several helpers who look at this repository for a colleague. Change nothing; you can only "
    "read. Answer this question in at most 300 words, with path:line for everything that you name, and say "
    "what you are not sure of:\n\n"
)


class Still(Snapshot):
    """Files that nobody changes: no state of them is ever taken."""

    def __init__(self) -> None:
        super().__init__(Path(), Path())

    async def begin(self) -> str:
        """The one state."""
        return "still"

    async def tree(self) -> str:
        """The one state."""
        return "still"


@dataclass(slots=True)
class Purse:
    """The dollars that all helpers of one call may spend; None for no limit."""

    left: float | None

    def pay(self, dollars: float | None) -> bool:
        """Spend; False when nothing is left."""
        if self.left is not None:
            self.left -= dollars or 0.0
        return self.left is None or self.left > 0


@dataclass(slots=True)
class Found:
    """What one helper came to."""

    answer: str = ""
    again: bool = False
    state: State = field(default_factory=State)


class DelegateParams(Params):
    questions: list[str] = Param(
        "One self-contained question per helper", min_length=1, max_length=SWARM_MOST
    )


def delegate_tool(
    model: Model,
    catalogue: Sequence[Tool],
    dollars: Callable[[], float | None] = lambda: None,
    *,
    swarm: bool = False,
) -> Tool:
    """The function `delegate` for one model. `dollars`: what the run has left when it is called."""
    at_once, most = (SWARM_AT_ONCE, SWARM_MOST) if swarm else (AT_ONCE, MOST)
    reading = [one for one in catalogue if one.effect == "reads"]

    @tool(
        "Ask helpers",
        "Let helpers who can only read look into several independent questions side by side.",
        toolset="resolve",
        effect="reads",
    )
    async def delegate(workspace: Workspace, params: DelegateParams) -> Result:
        questions = [question.strip() for question in params.questions if question.strip()]
        if not questions:
            raise BadArguments("There is no question; give one per helper.")
        if len(questions) > most:
            raise BadArguments(f"There are {len(questions)} questions; ask at most {most} at once.")
        gate = asyncio.Semaphore(at_once)
        purse = Purse(dollars())

        async def one(number: int) -> Found:
            async with gate:
                return await _ask(model, workspace, reading, questions[number], f"helper {number + 1}", purse)

        found = list(await asyncio.gather(*(one(number) for number in range(len(questions)))))
        spent = [helper.state for helper in found]
        for number, helper in enumerate(found):
            if helper.again:
                name = f"helper {number + 1}"
                found[number] = await _ask(model, workspace, reading, questions[number], name, purse)
                spent.append(found[number].state)
        if not any(helper.answer for helper in found):
            raise Unavailable("No helper could answer; look into it yourself.")
        return Result(_text(questions, found), _spending(spent))

    return delegate


async def _ask(
    model: Model, workspace: Workspace, tools: Sequence[Tool], question: str, name: str, purse: Purse
) -> Found:
    toolbox = Toolbox(workspace, tools, (update_plan, read_result))
    agent = Agent(model, toolbox, Still(), private=False)
    task = Task(_ORDER + question, protocol="chat", budget=BUDGET)
    if not purse.pay(0.0):
        return Found()
    async for event in run(agent, task):
        if isinstance(event, ev.Called):
            report(f"{name}: {event.title}")
        elif isinstance(event, ev.Answered) and not purse.pay(event.answer.cost):
            agent.inbox.stop("The money of the run is used up.")
    outcome = agent.state.ended.outcome if agent.state.ended else None
    if outcome is None or outcome.status == "model_failed":
        return Found(again=True, state=agent.state)
    return Found(outcome.summary[:ANSWER_CHARS], state=agent.state)


def _text(questions: Sequence[str], found: Sequence[Found]) -> str:
    return "\n\n".join(
        f"## {question[:300]}\n{helper.answer or 'This helper could not answer.'}"
        for question, helper in zip(questions, found, strict=True)
    )


def _spending(states: Sequence[State]) -> Spending:
    return Spending(
        usage=Usage(
            prompt=sum(state.prompt_tokens for state in states),
            cached=sum(state.cached_tokens for state in states),
            completion=sum(state.completion_tokens for state in states),
        ),
        cost=None if any(state.unpriced for state in states) else sum(state.cost for state in states),
    )
