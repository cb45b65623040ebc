"""ATIF 1.8, Harbor's Agent Trajectory Interchange Format."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from kimi_mcp.agent.events import Event, Said
from kimi_mcp.runs.export.steps import Step, trajectory


def atif(run: str, events: list[Event]) -> str:
    """The run as one ATIF document."""
    whole = trajectory(events)
    state, outcome = whole.state, whole.outcome
    steps: list[dict[str, Any]] = []
    if state.started:
        steps.append(
            {"source": "system", "message": state.started.system, "timestamp": _time(state.started.at)}
        )
    for part in whole.parts:
        if isinstance(part, Said):
            steps.append({"source": "user", "message": part.text, "timestamp": _time(part.at)})
        elif isinstance(part, Step):
            steps.append(_step(part))
    started = state.started
    document = {
        "schema_version": "ATIF-v1.8",
        "session_id": run,
        "agent": {
            "name": "kimi-mcp",
            "version": version("kimi-mcp"),
            "model_name": started.model if started else "",
            "tool_definitions": [
                {
                    "type": "function",
                    "function": {
                        "name": function.name,
                        "description": function.description,
                        "parameters": dict(function.parameters),
                    },
                }
                for function in (started.functions if started else ())
            ],
        },
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
        "final_metrics": {
            "total_prompt_tokens": state.prompt_tokens,
            "total_completion_tokens": state.completion_tokens,
            "total_cached_tokens": state.cached_tokens,
            "total_cost_usd": state.cost,
            "total_steps": len(steps),
        },
        "extra": {"outcome": outcome.model_dump(mode="json") if outcome else None},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _step(step: Step) -> dict[str, Any]:
    answer = step.answered.answer
    made: dict[str, Any] = {
        "source": "agent",
        "timestamp": _time(step.answered.at),
        "message": answer.message.text,
        "metrics": {
            "prompt_tokens": answer.usage.prompt,
            "completion_tokens": answer.usage.completion,
            "cached_tokens": answer.usage.cached,
            "cost_usd": answer.cost,
        },
    }
    if answer.message.reasoning:
        made["reasoning_content"] = answer.message.reasoning
    if answer.message.calls:
        made["tool_calls"] = [
            {"tool_call_id": call.id, "function_name": call.name, "arguments": dict(call.arguments or {})}
            for call in answer.message.calls
        ]
    if step.returned:
        made["observation"] = {
            "results": [{"source_call_id": result.id, "content": result.text} for result in step.returned]
        }
    return made


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
