"""SWE-agent's `.traj`: trajectory, history, info."""

import json
from typing import Any

from kimi_mcp.agent.events import Event, Said
from kimi_mcp.runs.export.steps import Step, trajectory


def swe_agent(run: str, events: list[Event]) -> str:
    """The run as SWE-agent writes it; its inspector reads it."""
    whole = trajectory(events)
    state = whole.state
    history: list[dict[str, Any]] = []
    if state.started:
        history.append({"role": "system", "content": state.started.system, "message_type": "system_prompt"})
    steps: list[dict[str, Any]] = []
    for part in whole.parts:
        if isinstance(part, Said):
            history.append({"role": "user", "content": part.text, "message_type": "observation"})
        elif isinstance(part, Step):
            history += _messages(part)
            steps.append(_step(part, state.started.base if state.started else ""))
    outcome = whole.outcome
    info = {
        "exit_status": outcome.status if outcome else "running",
        "submission": outcome.patch if outcome else (state.patched.patch if state.patched else ""),
        "model_stats": {
            "instance_cost": state.cost,
            "tokens_sent": state.prompt_tokens,
            "tokens_received": state.completion_tokens,
            "api_calls": state.step,
        },
    }
    document = {"environment": run, "trajectory": steps, "history": history, "info": info}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _step(step: Step, base: str) -> dict[str, Any]:
    message = step.answered.answer.message
    return {
        "action": "\n".join(f"{call.name} {call.raw}" for call in message.calls),
        "observation": "\n".join(result.text for result in step.returned),
        "response": message.text,
        "thought": message.reasoning or message.text,
        "execution_time": sum(result.seconds for result in step.returned),
        "state": {"tree": step.returned[-1].tree if step.returned else base},
        "query": [],
        "extra_info": {"notes": list(step.answered.answer.notes)},
    }


def _messages(step: Step) -> list[dict[str, Any]]:
    message = step.answered.answer.message
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw}}
        for call in message.calls
    ]
    said: dict[str, Any] = {
        "role": "assistant",
        "content": message.text,
        "thought": message.reasoning,
        "action": "\n".join(f"{call.name} {call.raw}" for call in message.calls),
        "message_type": "action",
        "tool_calls": calls,
    }
    results = [
        {"role": "tool", "content": result.text, "tool_call_ids": [result.id], "message_type": "observation"}
        for result in step.returned
    ]
    return [said, *results]
