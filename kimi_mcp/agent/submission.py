"""A submission: checked, measured, and taken, or sent back once with the reasons."""

from collections.abc import AsyncIterator
from dataclasses import replace

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import verify
from kimi_mcp.agent.agent import Agent
from kimi_mcp.agent.toolbox import Done
from kimi_mcp.agent.watch import Emit


async def submission(agent: Agent, done: Done, summary: str) -> AsyncIterator[ev.Event]:
    """The events of one submission; the second is taken as it is, with what speaks against it."""
    state = agent.state
    touched = await agent.snapshot.touched(state.base, state.tree)
    found = verify.problems(state, touched)
    more = None
    if touched and (state.bounced or not found):
        verifier = verify.Verifier(agent.toolbox, agent.snapshot, swap=agent.private)

        async def measure(emit: Emit) -> verify.Measured:
            def say(text: str) -> None:
                emit(ev.Progressed(step=state.step, id=done.call.id, message=text))

            return await verifier.measure(state, touched, say)

        under = agent.under(measure)
        async for event in under.events():
            yield event
        more = under.result()
    evidence = verify.evidence(state, state.tree, touched, found, more)
    found += verify.late_problems(evidence)
    accepted = state.bounced or not found
    text = "Submitted." if accepted else verify.review(found, await agent.diff(), touched)
    yield agent.returned(replace(done, text=text, failed=not accepted))
    yield ev.Submitted(
        step=state.step,
        summary=summary,
        evidence=evidence.model_copy(update={"problems": tuple(found)}),
        accepted=accepted,
    )
