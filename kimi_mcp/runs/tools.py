"""The agent as tools: resolve an issue, wait for it or not, look, cancel, take the patch.

Each run is a process of its own with a private copy of the repository, so runs disturb neither each other nor
the user's tree, and outlive whoever started them. Only a blocking `resolve_issue` that the client cancels ends
its run; the patch so far is kept even then.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from kimi_tools.clip import clip
from kimi_tools.errors import Conflict, ToolError, Unavailable
from kimi_tools.progress import report
from kimi_tools.tool import Data, Param, Params, Result, Tool, tool
from kimi_tools.visible import reveal, reveal_line
from kimi_tools.workspace import Workspace

if TYPE_CHECKING:  # a server's start must not wait for the agent
    from kimi_mcp.agent.events import Budget
    from kimi_mcp.agent.state import State
    from kimi_mcp.runs.folder import RunFolder
    from kimi_mcp.runs.request import Request

REPORT_SECONDS = 4.0
"""A blocking call says something at least this often."""

LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Desk:
    """Where runs are kept, how an order is made (issue, mode, root, budget), and whence a host's key comes."""

    state: Path
    order: "Callable[[str, str, Path, Budget], Request]"
    key: Callable[[str], SecretStr | None]


class ResolveParams(Params):
    issue: str = Param("The issue, in full")
    mode: Literal["instant", "thinking", "agent", "swarm"] = Param("How hard to think", default="thinking")
    max_minutes: int = Param("Time at most", default=60, ge=1, le=1440)
    max_cost: float = Param("US dollars at most; 0: no limit", default=5.0, ge=0)


class RunParams(Params):
    run: str = Param("As resolve_start gave it", default="last")


class StatusParams(RunParams):
    wait: int = Param("Seconds to wait for its end", default=0, ge=0, le=45)


class RunFacts(Data):
    """A run as it stands. `status`: at work, stopped, or how it ended; `patch` is the best so far."""

    run: str
    status: str
    verified: bool
    steps: int
    cost: float
    patch: str


def resolve_tools(desk: Desk) -> tuple[Tool, ...]:
    """The five tools, working for one desk."""

    @tool(
        "Resolve an issue",
        "Have the Kimi agent resolve an issue in a private copy, and wait for its tested patch.",
        toolset="resolve",
        effect="executes",
    )
    async def resolve_issue(workspace: Workspace, params: ResolveParams) -> Result:
        from kimi_mcp.runs import detached

        folder = _start(desk, workspace, params)
        try:
            await _follow(folder, None)
        except asyncio.CancelledError:
            if folder.is_at_work():
                detached.cancel(folder)
            raise
        return _result(folder, workspace)

    @tool(
        "Start resolving",
        "Like resolve_issue, but return at once with the run's name; it goes on by itself.",
        toolset="resolve",
        effect="executes",
    )
    async def resolve_start(workspace: Workspace, params: ResolveParams) -> Result:
        folder = _start(desk, workspace, params)
        facts = RunFacts(run=folder.id, status="at work", verified=False, steps=0, cost=0, patch="")
        return Result(f"Run {folder.id} is at work. Ask with resolve_status.", facts)

    @tool("See a run", "How a run stands: what it does, or its patch.", toolset="resolve", effect="reads")
    async def resolve_status(workspace: Workspace, params: StatusParams) -> Result:
        folder = _find(desk, params.run)
        await _follow(folder, params.wait)
        return _result(folder, workspace)

    @tool("Cancel a run", "End a run; its patch so far is kept.", toolset="resolve", effect="executes")
    async def resolve_cancel(workspace: Workspace, params: RunParams) -> Result:
        from kimi_mcp.runs import detached

        folder = _find(desk, params.run)
        detached.cancel(folder)
        await _follow(folder, 20)
        return _result(folder, workspace)

    @tool(
        "Apply a patch",
        "Bring a run's patch into the repository; undo takes it back.",
        toolset="resolve",
        effect="edits",
    )
    async def resolve_apply(workspace: Workspace, params: RunParams) -> Result:
        from kimi_mcp.runs.apply import apply

        folder = _find(desk, params.run)
        if folder.record().request.root.resolve() != workspace.root:
            raise Conflict(f"Run {folder.id} is of another repository: {folder.record().request.root}.")
        changed = await apply(folder, workspace)
        facts = _result(folder, workspace).data
        return Result(f"Applied to {len(changed)} files: {', '.join(changed[:40])}.", facts)

    return resolve_issue, resolve_start, resolve_status, resolve_cancel, resolve_apply


def _start(desk: Desk, workspace: Workspace, params: ResolveParams) -> "RunFolder":
    from kimi_mcp.agent.events import Budget
    from kimi_mcp.model.errors import ModelError
    from kimi_mcp.runs import detached
    from kimi_mcp.runs.folder import create

    budget = Budget(cost=params.max_cost, seconds=params.max_minutes * 60)
    request = desk.order(params.issue, params.mode, workspace.root, budget)
    try:
        key = desk.key(request.host)
    except ModelError as error:
        raise Unavailable(str(error)) from None
    folder = create(desk.state, request)
    detached.start(folder, key)
    return folder


def _find(desk: Desk, name: str) -> "RunFolder":
    from kimi_mcp.runs.folder import find

    return find(desk.state, name)


async def _follow(folder: "RunFolder", seconds: float | None) -> None:
    """Report what a run does until it ends, or for so many seconds."""
    from kimi_mcp.agent.events import Called
    from kimi_mcp.agent.state import State
    from kimi_mcp.runs import words

    began = said = time.monotonic()
    offset = 0
    state = State()
    now = "The run begins"
    while folder.is_at_work() or folder.is_starting():
        for event, behind in list(folder.lines_from(offset)):
            offset = behind
            state.apply(event)
            now = reveal_line(event.title) if isinstance(event, Called) else now
        if time.monotonic() - said >= REPORT_SECONDS or said == began:
            said = time.monotonic()
            report(f"{now} ({words.used(state)})", state.step)
        if seconds is not None and time.monotonic() - began >= seconds:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _result(folder: "RunFolder", workspace: Workspace) -> Result:
    from kimi_mcp.agent.state import State

    state = State()
    for event, _ in folder.lines_from(0):
        state.apply(event)
    outcome = state.ended.outcome if state.ended else None
    at_work = folder.is_at_work() or folder.is_starting()
    if not at_work and outcome is None and not state.started:
        log = folder.path / "worker.log"
        said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        raise ToolError(f"Run {folder.id} did not begin: {said[-1] if said else 'its process ended'}.")
    patch = outcome.patch if outcome else (state.patched.patch if state.patched else "")
    status = "at work" if at_work else outcome.status if outcome else "stopped"
    facts = RunFacts(
        run=folder.id,
        status=status,
        verified=outcome is not None and outcome.evidence.verified,
        steps=state.step,
        cost=round(state.cost, 4),
        patch=patch,
    )
    return Result(clip(_text(folder, state, status, patch), workspace.result_chars), facts)


def _text(folder: "RunFolder", state: "State", status: str, patch: str) -> str:
    from kimi_mcp.agent.functions import plan_text
    from kimi_mcp.runs import words

    outcome = state.ended.outcome if state.ended else None
    lines = [f"Run {folder.id}: {status}, {words.used(state)}"]
    if outcome is not None:
        lines.append(reveal(outcome.reason))
        marks = {True: "good", False: "bad", None: "unknown"}
        lines += [f"- {marks[good]}: {text}" for good, text in words.checks(outcome.evidence)]
        lines += [reveal(outcome.summary)] if outcome.summary else []
    elif state.plan:
        lines.append(reveal(plan_text(state.plan)))
    lines.append(f"patch so far:\n{reveal(patch)}" if patch else "No file is changed yet.")
    if outcome is not None and patch:
        lines.append(f"resolve_apply run={folder.id} brings it into the repository.")
    elif outcome is None:
        lines.append(f"resolve_status run={folder.id} wait=45 waits for its end.")
    return "\n".join(lines)
