"""The loop: ask the model, run what it calls for, look at what that changed, until it submits or must end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import folding
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.beginning import begin, go_on, remarks
from kimi_mcp.agent.ending import end, ending
from kimi_mcp.agent.functions import Plan, Submission
from kimi_mcp.agent.submission import submission
from kimi_mcp.agent.toolbox import Done, title
from kimi_mcp.agent.watch import Emit, Stopped
from kimi_mcp.model.errors import ContextOverflow, ModelError
from kimi_mcp.model.messages import Answer, Call, Delta
from kimi_tools.progress import Progress as Now


async def run(
    agent: Agent, task: Task | None = None, budget: ev.Budget | None = None
) -> AsyncGenerator[ev.Event]:
    """Everything that happens, up to an `Ended`, which comes whatever happens.

    Begins with `task`; without one it goes on from the agent's state: after `inbox.say`, or with a run that
    had stopped, perhaps with a new `budget`. A failure that is a bug is raised behind its `Ended`.
    """
    try:
        async for event in _steps(agent, task, budget):
            yield agent.take(event)
    except Stopped as stop:
        status = "cancelled" if agent.inbox.stopping else "limit"
        yield agent.take(await end(agent, status, str(stop)))
    except ModelError as error:
        yield agent.take(await end(agent, "model_failed", str(error)))
    except asyncio.CancelledError:
        yield agent.take(await end(agent, "cancelled", "The run was interrupted."))
        raise
    except Exception as bug:
        yield agent.take(await end(agent, "crashed", f"{type(bug).__name__}: {bug}"))
        raise


async def _steps(agent: Agent, task: Task | None, budget: ev.Budget | None) -> AsyncIterator[ev.Event]:
    async for event in begin(agent, task) if task else go_on(agent, budget):
        yield event
    while (ended := await ending(agent)) is None:
        if not agent.state.pending:
            for event in remarks(agent):
                yield event
            async for event in _ask(agent):
                yield event
        async for event in _act(agent):
            yield event
    yield ended


async def _ask(agent: Agent) -> AsyncIterator[ev.Event]:
    """One answer; the context is made smaller before it where needed, and when the host refuses it."""

    async def answer(emit: Emit) -> Answer:
        async def show(delta: Delta) -> None:
            emit(ev.Streamed(step=agent.state.step + 1, what=delta.kind, text=delta.text))

        return await agent.model.answer(agent.state.messages, agent.functions, on_delta=show)

    async for event in folding.fold(agent):
        yield event
    for attempt in range(folding.SHRINKS + 1):
        under = agent.under(answer)
        async for event in under.events():
            yield event
        try:
            yield ev.Answered(step=agent.state.step + 1, answer=under.result())
            return
        except ContextOverflow as error:
            if attempt == folding.SHRINKS:
                raise
            yield ev.Troubled(text=f"{error} The context is made smaller.")
            yield await folding.shrink(agent, first=attempt == 0)


async def _act(agent: Agent) -> AsyncIterator[ev.Event]:
    """The calls of the last answer: reads together, effects one by one; one result each, in order."""
    step = agent.state.step

    async def calls(group: list[Call], emit: Emit) -> list[Done]:
        def show(call: str, now: Now) -> None:
            emit(ev.Progressed(step=step, id=call, message=now.message, done=now.done, total=now.total))

        if agent.state.submitted and agent.state.submitted.accepted:
            return [Done(call, "Not run: the fix is submitted.", True, 0.0) for call in group]
        return await agent.toolbox.run(group, show)

    for group in list(agent.toolbox.groups(agent.state.pending)):
        for call in group:
            effect = agent.toolbox.effect(call.name)
            yield ev.Called(step=step, id=call.id, name=call.name, title=title(call), effect=effect)
        under = agent.under(lambda emit, group=group: calls(group, emit))
        async for event in under.events():
            yield event
        for done in under.result():
            async for event in _settle(agent, done):
                yield event


async def _settle(agent: Agent, done: Done) -> AsyncIterator[ev.Event]:
    """Record one result and what it changed."""
    if isinstance(done.data, Submission):
        async for event in submission(agent, done, done.data.summary):
            yield event
        return
    tree = before = agent.state.tree
    if agent.toolbox.effect(done.call.name) != "reads":
        tree = await agent.snapshot.tree()
    yield agent.returned(done, tree)
    if tree != before:
        yield await agent.patched(tree)
    if isinstance(done.data, Plan):
        yield ev.Planned(step=agent.state.step, items=done.data.items)
