"""How a run ends: always with the best patch so far."""

import contextlib

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import limits, verify
from kimi_mcp.agent.agent import Agent
from kimi_tools.errors import ToolError

NUDGES = 2
"""Answers without a call that are sent back in a run that should submit."""


async def ending(agent: Agent) -> ev.Ended | None:
    """The end of the run, when this was its last step."""
    state = agent.state
    if state.submitted and state.submitted.accepted and not state.pending:
        return await end(agent, "submitted", "The model submitted its fix.")
    if state.silent and not agent.resolves:
        return await end(agent, "answered", "The model answered.")
    if state.silent > NUDGES:
        return await end(agent, "stuck", "The model stopped calling functions without submitting.")
    if reason := limits.exhausted(state):
        return await end(agent, "limit", reason)
    if reason := agent.progress.stuck():
        return await end(agent, "stuck", reason)
    return None


async def end(agent: Agent, status: ev.Status, reason: str) -> ev.Ended:
    """The outcome. Never fails: what cannot be had (a full disk, say) is left out."""
    state = agent.state
    tree, patch = state.tree, b""
    touched = state.patched.touched if state.patched else ()
    with contextlib.suppress(ToolError, OSError):
        if agent.private:
            finished = status in ("submitted", "answered")
            tree = state.tree if finished else verify.best_tree(state)
        elif state.started:
            tree = await agent.snapshot.tree()
        patch = await agent.snapshot.patch(state.base, tree)
        touched = await agent.snapshot.touched(state.base, tree)
    submitted = state.submitted
    if submitted and submitted.accepted:
        evidence = submitted.evidence
    else:
        evidence = verify.evidence(state, tree, touched, submitted.evidence.problems if submitted else ())
    return ev.Ended(
        outcome=ev.Outcome(
            status=status,
            reason=reason,
            summary=submitted.summary if submitted else state.last_text,
            patch=patch.decode("utf-8", "replace"),
            tree=tree,
            evidence=evidence,
            steps=state.step,
            prompt_tokens=state.prompt_tokens,
            cached_tokens=state.cached_tokens,
            completion_tokens=state.completion_tokens,
            cost=state.cost,
            unpriced=state.unpriced,
            seconds=limits.seconds(state),
        )
    )
