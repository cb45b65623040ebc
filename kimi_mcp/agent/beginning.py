"""How a run begins, goes on after a stop, and what the model is told before each answer."""

from collections.abc import AsyncIterator

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import limits, prompts, verify
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.toolbox import Done


async def begin(agent: Agent, task: Task) -> AsyncIterator[ev.Event]:
    """The frame of the run, unless a killed process left it already, and the issue."""
    functions = agent.toolbox.functions
    if agent.state.started is None:
        yield ev.Started(
            model=agent.model.name,
            window=agent.model.window,
            mode=task.mode,
            protocol=task.protocol,
            budget=task.budget,
            system=prompts.system_prompt(task.protocol, [function.name for function in functions], task.mode),
            functions=functions,
            base=await agent.snapshot.begin(),
        )
    else:
        async for event in go_on(agent):
            yield event
    if task.images and not agent.model.sees:
        count = f"{len(task.images)} picture{'s'[: len(task.images) != 1]}"
        yield ev.Troubled(
            text=f"{agent.model.name} does not see: {count} of the issue cannot be shown to it."
        )
    text = prompts.first_message(task.issue, task.repository) if task.repository else task.issue
    yield ev.Said(text=text, images=agent.visible(task.images), by="user", about="issue")


async def go_on(agent: Agent, budget: ev.Budget | None = None) -> AsyncIterator[ev.Event]:
    """The files as the last event left them; calls that the user cancelled stay cancelled.

    `budget` replaces what the run may use as a whole.
    """
    agent.inbox.open()
    stopped = agent.state.ended is not None and agent.state.ended.outcome.status == "cancelled"
    yield _resumed(agent, budget)
    tree = await agent.snapshot.begin()
    if agent.private and tree != agent.state.tree:
        await agent.snapshot.restore(agent.state.tree)
    recorded = agent.state.patched.tree if agent.state.patched else agent.state.base
    if agent.state.tree != recorded:
        yield await agent.patched(agent.state.tree)
    if stopped or agent.inbox.messages:
        for call in list(agent.state.pending):
            yield agent.returned(Done(call, "Cancelled by the user before it was done.", True, 0.0))
    for event in _heard(agent):
        yield event


def _resumed(agent: Agent, budget: ev.Budget | None) -> ev.Resumed:
    """The frame stays byte for byte, for the prefix cache, unless the user ordered another one in between."""
    resumed = ev.Resumed(model=agent.model.name, budget=budget)
    started, functions = agent.state.started, agent.toolbox.functions
    if started is None:
        return resumed
    protocol = agent.protocol or started.protocol
    names = [function.name for function in functions]
    if protocol == started.protocol and names == [function.name for function in started.functions]:
        return resumed
    system = prompts.system_prompt(protocol, names)
    return resumed.model_copy(update={"protocol": protocol, "system": system, "functions": functions})


def remarks(agent: Agent) -> list[ev.Event]:
    """The user's messages, and what the harness has to say."""
    said = _heard(agent)
    if text := limits.notice(agent.state):
        said.append(ev.Said(text=text, by="harness", about="budget"))
    text, about = agent.progress.notice()
    if text:
        said.append(ev.Said(text=text, by="harness", about=about))
    if agent.resolves and verify.unshown(agent.state):
        said.append(ev.Said(text=prompts.REPRODUCE, by="harness", about="reproduce"))
    if agent.state.silent and agent.resolves and not said:
        said.append(ev.Said(text=prompts.NUDGE, by="harness", about="nudge"))
    return said


def _heard(agent: Agent) -> list[ev.Event]:
    said: list[ev.Event] = []
    while agent.inbox.messages:
        text, images = agent.inbox.messages.popleft()
        said.append(ev.Said(text=text, images=agent.visible(images), by="user", about="steering"))
    return said
