"""Making the context smaller when it must be: see `kimi_mcp.agent.context` for when and how."""

from collections.abc import AsyncIterator

from kimi_mcp.agent import context
from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent
from kimi_mcp.agent.watch import Emit
from kimi_mcp.model.errors import ModelError, QuotaExhausted
from kimi_mcp.model.messages import Answer, User

SHRINKS = 3
"""Tries to make a prompt fit that the host refused as too long."""


async def fold(agent: Agent) -> AsyncIterator[ev.Event]:
    """Hide older results, or hand over to a fresh context, when the prompt is over a threshold."""
    tokens = agent.prompt_tokens()
    how, through = context.needed(agent.state.messages, tokens, agent.model.window)
    if how == "hide":
        yield ev.Folded(how="hide", through=through, before=tokens)
    elif how == "handoff":

        async def write(_: Emit) -> Answer | None:
            request = [*agent.state.messages, User(context.HANDOFF_REQUEST)]
            try:
                return await agent.model.answer(request, agent.functions)
            except QuotaExhausted:
                raise
            except ModelError:
                return None

        under = agent.under(write)
        async for event in under.events():
            yield event
        yield context.handoff(agent.state, under.result(), await agent.diff(), tokens)


async def shrink(agent: Agent, *, first: bool) -> ev.Folded:
    """For a prompt that was refused: hide all older results first, then hand over without the model."""
    tokens = agent.prompt_tokens()
    through = context.shrink_through(agent.state.messages) if first else 0
    if through:
        return ev.Folded(how="hide", through=through, before=tokens)
    return context.handoff(agent.state, None, await agent.diff(), tokens)
