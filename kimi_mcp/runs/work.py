"""Doing a run: in this process, recorded event by event, begun or gone on with."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import limits
from kimi_mcp.agent.agent import Agent
from kimi_mcp.agent.attempts import worthwhile
from kimi_mcp.agent.ending import end
from kimi_mcp.agent.functions import OWN
from kimi_mcp.agent.loop import run
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.state import State
from kimi_mcp.agent.swarm import delegate_tool
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.agent.watch import Emit, Inbox, Stopped
from kimi_mcp.model.connect import connect
from kimi_mcp.model.errors import ModelError
from kimi_mcp.model.gate import Gate
from kimi_mcp.model.messages import Model
from kimi_mcp.runs.folder import RunFolder
from kimi_mcp.runs.further import attempt_folder, further
from kimi_mcp.runs.opening import opening
from kimi_mcp.runs.place import private_copy
from kimi_mcp.runs.renewal import overlay, renewed, told
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.rerank import rerank
from kimi_tools import journal, redact
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import ToolError
from kimi_tools.policy import Policy
from kimi_tools.sandbox import Best, Sandbox
from kimi_tools.symbols.locate import Candidate
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace

HEAR_SECONDS = 0.5
"""How often a run looks for messages that other processes left for it."""

Connect = Callable[[], AbstractAsyncContextManager[Model]]


@dataclass(frozen=True, slots=True)
class Beside:
    """What whoever watches a run gives it for as long as it is watched; not part of its order.

    `more`: further functions of the agent. `dress` is given every function and returns the one to use.
    `sandbox`: what commands run in, where it is not the best one of this machine, and `at` the path at which
    it shows them the repository. `unsaved`: files that hold other bytes than the disk for whoever watches; a
    private copy begins with them.
    """

    more: Sequence[Tool] = ()
    dress: Callable[[Tool], Tool] = lambda tool: tool
    sandbox: Sandbox | None = None
    at: Path | None = None
    unsaved: Mapping[str, bytes] = field(default_factory=lambda: dict[str, bytes]())


ALONE = Beside()


def connecting(folder: RunFolder, key: SecretStr | None, gate: Gate | None = None) -> Connect:
    """How the run reaches the model that it was ordered to use; `gate` paces an account that others use too.

    The key is known to `redact` from here on.
    """
    if key is not None:
        redact.know(key.get_secret_value())

    @asynccontextmanager
    async def connected() -> AsyncGenerator[Model]:
        connection = replace(folder.record().request.connection(folder.id), key=key)
        async with await connect(connection) as model:
            if gate is not None:
                model.gate = gate
            yield model

    return connected


async def work(
    folder: RunFolder,
    connect: Connect,
    inbox: Inbox | None = None,
    budget: ev.Budget | None = None,
    beside: Beside = ALONE,
) -> AsyncGenerator[ev.Event]:
    """Begin the run, or go on with it (with a new budget), and give every event once it is recorded.

    The last event is an `Ended`, also where the copy cannot be made or the model cannot be reached. Raises
    `Conflict` when another process is at work on this run.
    """
    inbox = inbox or Inbox()
    request = folder.record().request
    several = request.most_attempts() > 1
    with folder.at_work():
        folder.mend()
        try:
            first: ev.Outcome | None = None
            async with aclosing(_worked(folder, connect, inbox, budget, beside)) as events:
                async for event in events:
                    if isinstance(event, ev.Ended) and several and worthwhile(event.outcome):
                        first = event.outcome
                        event = ev.Attempted(number=1, outcome=first)
                    yield _recorded(folder, event)
            if first is not None:
                async with aclosing(_further(folder, first, connect, inbox, beside)) as events:
                    async for event in events:
                        yield _recorded(folder, event)
        except (ToolError, ModelError) as error:
            status = "model_failed" if isinstance(error, ModelError) else "crashed"
            yield _recorded(folder, ev.Ended(outcome=ev.Outcome(status=status, reason=str(error))))
        outcome = folder.outcome()
        if outcome and outcome.status in ("submitted", "answered") and not request.in_place:
            for number in range(1, outcome.attempts + 1):
                shutil.rmtree(attempt_folder(folder, number).place, ignore_errors=True)


def _further(
    folder: RunFolder, first: ev.Outcome, connect: Connect, inbox: Inbox, beside: Beside
) -> AsyncGenerator[ev.Event]:
    beside = replace(beside, more=ALONE.more, dress=ALONE.dress)

    async def again(one: RunFolder) -> AsyncGenerator[ev.Event]:
        one.mend()
        async with aclosing(_worked(one, connect, inbox, None, beside)) as events:
            async for event in events:
                yield _recorded(one, event)

    return further(folder, first, again, partial(_open, beside))


def _open(beside: Beside, folder: RunFolder, root: Path) -> Workspace:
    """The workspace on a run's private copy, seen by commands at the root's own path."""
    request = folder.record().request
    best = Best(off=request.no_sandbox, readable=request.readable, network=request.network)
    return Workspace(
        root if request.in_place else folder.place,
        state=folder.state,
        sandbox=beside.sandbox or best,
        at=beside.at or root,
        policy=Policy.allowing(request.allow),
        limits=request.limits(),
    )


async def _worked(
    folder: RunFolder, connect: Connect, inbox: Inbox, budget: ev.Budget | None, beside: Beside = ALONE
) -> AsyncGenerator[ev.Event]:
    """The events of one attempt, not yet recorded; each must be before the next is asked for."""
    request = folder.record().request
    root = request.root if request.in_place else folder.place
    new = not root.exists() and not request.in_place
    if new:
        yield ev.Progressed(step=0, id="", message="Copying the repository")
        if warning := await private_copy(request.root, root):
            yield ev.Troubled(text=warning)
        overlay(root, beside.unsaved)
    workspace = _open(beside, folder, request.root)
    try:
        journal.recover(workspace)
        async with connect() as model:
            snapshot = Snapshot(workspace.root, folder.tree)
            tools = [tool for tool in TOOLS if tool.effect == "reads" or not request.read_only]
            own = [tool for tool in OWN if tool.effect == "reads" or not request.read_only]
            known = State()
            if request.mode in ev.HELPED:
                left = partial(limits.dollars_left, known)
                own.append(delegate_tool(model, TOOLS, left, swarm=request.mode == "swarm"))
            own += beside.more
            toolbox = Toolbox(workspace, map(beside.dress, tools), [beside.dress(tool) for tool in own])
            agent = Agent(model, toolbox, snapshot, not request.in_place, inbox, request.protocol, known)
            for event in folder.events():
                agent.take(event)
            if new and agent.state.started:
                for event in await _renewed(folder, agent):
                    yield agent.take(event)
            task = None
            if not agent.state.asks:
                yield ev.Progressed(step=0, id="", message="Looking into the repository")
                under = agent.under(partial(_opened, agent, request, workspace))
                async for event in under.events():
                    yield agent.take(event)
                try:
                    task = request.task(under.result())
                except Stopped as stop:
                    yield agent.take(await end(agent, "cancelled", str(stop)))
                    return
            async with _hearing(folder, inbox), aclosing(run(agent, task, budget)) as events:
                async for event in events:
                    await _keep_patch(folder, event, agent)
                    yield event
    finally:
        workspace.close()


async def _opened(agent: Agent, request: Request, workspace: Workspace, emit: Emit) -> str:
    """What the model is told about the repository; its own choice of places is asked for once in a run."""

    async def choose(candidates: Sequence[Candidate]) -> Sequence[str]:
        event = agent.state.reranked
        if event is None and len(candidates) > 1:
            emit(ev.Progressed(step=0, id="", message="Asking the model where to look first"))
            event = await rerank(agent.model, request.issue, candidates, request.budget)
            emit(event)
        return event.order if event else ()

    issue = request.issue if request.protocol == "issue" else ""
    return await opening(workspace, request.root, issue, choose if request.rerank else None)


async def _renewed(folder: RunFolder, agent: Agent) -> list[ev.Event]:
    """A run goes on in a new copy: what that holds, and what the model is told of it."""
    event = await renewed(folder)
    outcome = folder.outcome()
    text = told(event, outcome.attempt if outcome else 1)
    if not text or agent.state.pending:
        return [event]
    return [event, ev.Said(text=text, by="harness", about="renewed")]


async def _keep_patch(folder: RunFolder, event: ev.Event, agent: Agent) -> None:
    """Keep the best patch so far as its bytes are."""
    match event:
        case ev.Patched():
            tree = event.tree
        case ev.Ended():
            tree = event.outcome.tree or agent.state.base
        case _:
            return
    with contextlib.suppress(ToolError, OSError):
        folder.write_patch(await agent.snapshot.patch(agent.state.base, tree))


def _recorded(folder: RunFolder, event: ev.Event) -> ev.Event:
    if ev.recorded(event):
        folder.append(event)
    return event


@asynccontextmanager
async def _hearing(folder: RunFolder, inbox: Inbox) -> AsyncGenerator[None]:
    """Pass on what other processes say to this run while the block runs."""

    async def listen() -> None:
        while True:
            for text in folder.hear():
                inbox.say(text)
            await asyncio.sleep(HEAR_SECONDS)

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
