"""mini-swe-agent's trajectory format 1.1: info and messages."""

import json
from typing import Any

from kimi_mcp.agent.events import Event, Said
from kimi_mcp.runs.export.steps import Step, trajectory


def mini(run: str, events: list[Event]) -> str:
    """The run as mini-swe-agent 2 writes it."""
    whole = trajectory(events)
    state, outcome = whole.state, whole.outcome
    status = outcome.status if outcome else "running"
    patch = outcome.patch if outcome else (state.patched.patch if state.patched else "")
    messages: list[dict[str, Any]] = []
    if state.started:
        messages.append({"role": "system", "content": state.started.system})
    for part in whole.parts:
        if isinstance(part, Said):
            messages.append({"role": "user", "content": part.text, "extra": {"timestamp": part.at}})
        elif isinstance(part, Step):
            messages += _messages(part)
    messages.append({"role": "exit", "content": patch, "extra": {"exit_status": status, "submission": patch}})
    info = {
        "model_stats": {"instance_cost": state.cost, "api_calls": state.step},
        "config": {
            "agent": state.started.budget.model_dump() if state.started else {},
            "agent_type": "kimi_mcp",
            "model": {"model_name": state.started.model if state.started else ""},
        },
        "exit_status": status,
        "submission": patch,
        "run": run,
    }
    document = {"info": info, "messages": messages, "trajectory_format": "mini-swe-agent-1.1"}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _messages(step: Step) -> list[dict[str, Any]]:
    answer = step.answered.answer
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw}}
        for call in answer.message.calls
    ]
    said: dict[str, Any] = {
        "role": "assistant",
        "content": answer.message.text,
        "reasoning_content": answer.message.reasoning,
        "tool_calls": calls,
        "extra": {"cost": answer.cost or 0.0, "timestamp": step.answered.at},
    }
    results = [
        {"role": "tool", "tool_call_id": result.id, "content": result.text, "extra": {"timestamp": result.at}}
        for result in step.returned
    ]
    return [said, *results]
