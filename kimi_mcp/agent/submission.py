"""A submission: checked, measured, and taken, or sent back once with the reasons."""

from collections.abc import AsyncIterator
from dataclasses import replace

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import verify
from kimi_mcp.agent.agent import Agent
from kimi_mcp.agent.toolbox import Done
from kimi_mcp.agent.watch import Emit


async def submission(agent: Agent, done: Done, summary: str) -> AsyncIterator[ev.Event]:
    """The events of one submission; the second is taken as it is, with what speaks against it.

    A decision that a killed process had recorded before its result stands.
    """
    state = agent.state
    touched = await agent.snapshot.touched(state.base, state.tree)
    if state.submitted is None or state.submitted.step != state.step:
        found = verify.problems(state, touched)
        more = None
        if touched and (state.bounced or not found):
            under = agent.under(lambda emit: _measure(agent, touched, done.call.id, emit))
            async for event in under.events():
                yield event
            more = under.result()
        evidence = verify.evidence(state, state.tree, touched, found, more)
        found += verify.late_problems(evidence)
        yield ev.Submitted(
            step=state.step,
            summary=summary,
            evidence=evidence.model_copy(update={"problems": tuple(found)}),
            accepted=state.bounced or not found,
        )
    decided = state.submitted
    if decided is None or decided.accepted:
        yield agent.returned(replace(done, text="Submitted."))
    else:
        text = verify.review(decided.evidence.problems, await agent.diff(), touched)
        yield agent.returned(replace(done, text=text, failed=True))


async def _measure(agent: Agent, touched: tuple[ev.Touched, ...], call: str, emit: Emit) -> verify.Measured:
    def say(text: str) -> None:
        emit(ev.Progressed(step=agent.state.step, id=call, message=text))

    verifier = verify.Verifier(agent.toolbox, agent.snapshot, swap=agent.private)
    return await verifier.measure(agent.state, touched, say)
