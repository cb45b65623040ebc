"""Asking a simulated host through the real client, and what the tests offer it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.messages import Answer, CallResult, Delta, Function, Message, System, User
from kimi_mcp.model.transport import Limits
from tests.kimi_api import Call, KimiApi, Turn

KEY = "sk-canary-7f3b1c9d5e"

READ = Function(
    "read_file",
    "Reads a file.",
    {
        "type": "object",
        "properties": {"path": {"type": "string"}, "start": {"type": "integer", "default": 1}},
        "required": ["path"],
        "additionalProperties": False,
    },
)
HYPHEN = Function(
    "mcp-search-text",
    "Searches.",
    {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}},
)
OFFERED = (READ, HYPHEN)
HISTORY: tuple[Message, ...] = (System("You fix bugs."), User("Read a.py."))

READS = Call("read_file", {"path": "a.py"})
GOOD = Turn(text="Let me look.", reasoning="I must read it.", calls=(READS,))

HASTY = Limits(connect=2, idle=2, total=20, wait_first=0.001, wait_most=0.002, wait_cap=0.05)
"""The client's limits, shortened so that no test waits."""


def connection(api: KimiApi, **more: Any) -> Connection:
    """A connection to the simulated host under its own kind's rules."""
    kinds = {"moonshot": "moonshot", "openrouter": "openrouter", "vllm": "vllm", "ollama": "ollama"}
    options: dict[str, Any] = {"host": api.url, "key": SecretStr(KEY), "kind": kinds[api.flavour]}
    return replace(Connection(limits=HASTY), **{**options, **more})


def converse(
    api: KimiApi,
    *,
    steps: int = 1,
    history: Sequence[Message] = HISTORY,
    functions: Sequence[Function] = OFFERED,
    deltas: list[Delta] | None = None,
    result: str = "1: x = 1",
    **more: Any,
) -> list[Answer]:
    """So many steps of the smallest loop there is: answer, one result per call, again."""

    async def on_delta(delta: Delta) -> None:
        if deltas is not None:
            deltas.append(delta)

    async def run() -> list[Answer]:
        messages = list(history)
        answers: list[Answer] = []
        async with await connect(connection(api, **more)) as model:
            for _ in range(steps):
                answer = await model.answer(messages, functions, on_delta=on_delta)
                answers.append(answer)
                messages.append(answer.message)
                messages += [CallResult(call.id, call.name, result) for call in answer.message.calls]
        return answers

    return asyncio.run(run())


def ask(api: KimiApi, **more: Any) -> Answer:
    """One answer."""
    return converse(api, **more)[0]
