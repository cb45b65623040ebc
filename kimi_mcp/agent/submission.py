"""A submission: checked, measured, and taken, or sent back with the reasons: at most once before it is measured
(the rules, and a patch that the model never saw whole) and once for what was measured.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import verify
from kimi_mcp.agent.agent import Agent
from kimi_mcp.agent.toolbox import Done
from kimi_mcp.agent.watch import Emit


async def submission(agent: Agent, done: Done, summary: str) -> AsyncIterator[ev.Event]:
    """The events of one submission. A decision that a killed process had recorded before its result stands."""
    state = agent.state
    touched = await agent.snapshot.touched(state.base, state.tree)
    if state.submitted is None or state.submitted.step != state.step:
        found = verify.problems(state, touched, swap=agent.private)
        if not state.bounced and (found or state.unseen):
            evidence = verify.evidence(state, state.tree, touched, found)
            yield ev.Submitted(
                step=state.step, summary=summary, evidence=evidence, accepted=False, measured=False
            )
        else:
            async for event in _measured(agent, done, summary, touched, found):
                yield event
    decided = state.submitted
    if decided is None or decided.accepted:
        yield agent.returned(replace(done, text="Submitted."))
    else:
        text = verify.review(decided.evidence.problems, await agent.diff(), touched)
        yield agent.returned(replace(done, text=text, failed=True))


async def _measured(
    agent: Agent, done: Done, summary: str, touched: Sequence[ev.Touched], found: Sequence[str]
) -> AsyncIterator[ev.Event]:
    """The decision on a submission that the rules let pass, or that was sent back for them already."""
    state = agent.state
    more = verify.Measured()
    if touched:
        under = agent.under(lambda emit: _measure(agent, touched, done.call.id, emit))
        async for event in under.events():
            yield event
        more = under.result()
    evidence = verify.evidence(state, state.tree, touched, found, more)
    late = verify.late_problems(evidence)
    yield ev.Submitted(
        step=state.step,
        summary=summary,
        evidence=evidence.model_copy(update={"problems": (*found, *late)}),
        accepted=state.doubted or not late,
        tests=tuple(more.tests),
        reproductions=tuple(more.reproductions),
    )


async def _measure(agent: Agent, touched: Sequence[ev.Touched], call: str, emit: Emit) -> verify.Measured:
    def say(text: str) -> None:
        emit(ev.Progressed(step=agent.state.step, id=call, message=text))

    verifier = verify.Verifier(agent.toolbox, agent.snapshot, swap=agent.private)
    return await verifier.measure(agent.state, touched, say)
