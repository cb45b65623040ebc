"""A model that follows a script in memory, for tests of what stands around it; no HTTP."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kimi_mcp.model.errors import Unreachable
from kimi_mcp.model.messages import (
    Answer,
    Assistant,
    Call,
    CallResult,
    Delta,
    Finish,
    Function,
    Message,
    System,
    Usage,
    User,
)

Says = Answer | Exception | Callable[[Sequence[Message]], Answer]

OnDelta = Callable[[Delta], Awaitable[None]]


def calls(*wanted: tuple[str, dict[str, Any]], text: str = "", tokens: int = 0) -> Answer:
    """An answer that calls functions."""
    made = tuple(Call("", name, arguments, json.dumps(arguments)) for name, arguments in wanted)
    return Answer(Assistant(text, "I think.", made), Usage(tokens), "calls", 0.01, 0.0)


def says(text: str) -> Answer:
    """An answer without a call."""
    finish: Finish = "stop"
    return Answer(Assistant(text), Usage(), finish, 0.01, 0.0)


def size(message: Message) -> int:
    """Tokens of one message: characters by four."""
    match message:
        case Assistant():
            return (len(message.text) + sum(len(call.raw) for call in message.calls)) // 4
        case System() | User() | CallResult():
            return len(message.text) // 4


@dataclass
class Script:
    """Answers in order; an exception is raised, a function is asked with the history.

    Every history that it is shown is checked: exactly one result per call, in order, no empty message.
    """

    turns: list[Says]
    window: int = 262_144
    name: str = "scripted"
    sees: bool = False
    requests: list[list[Message]] = field(default_factory=list[list[Message]])
    ids: int = 0

    def estimate(self, messages: Sequence[Message], functions: Sequence[Function]) -> int:
        return sum(size(message) for message in messages)

    def aside(self) -> "Script":
        return self

    async def answer(
        self,
        messages: Sequence[Message],
        functions: Sequence[Function],
        *,
        on_delta: OnDelta | None = None,
    ) -> Answer:
        check(messages)
        self.requests.append(list(messages))
        if not self.turns:
            raise Unreachable("The script is over.")
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        answer = turn if isinstance(turn, Answer) else turn(messages)
        if on_delta:
            await on_delta(Delta("reasoning", answer.message.reasoning))
        numbered: list[Call] = []
        for call in answer.message.calls:
            numbered.append(Call(f"functions.{call.name}:{self.ids}", call.name, call.arguments, call.raw))
            self.ids += 1
        message = Assistant(answer.message.text, answer.message.reasoning, tuple(numbered))
        tokens = self.estimate(messages, functions)
        return Answer(message, Usage(tokens, 0, 10), answer.finish, answer.cost, 0.0)


def check(messages: Sequence[Message]) -> None:
    """Fail on a history that a real host would refuse."""
    assert isinstance(messages[0], System)
    due: list[str] = []
    for message in messages[1:]:
        if isinstance(message, CallResult):
            assert due, f"an orphan result {message.call_id}"
            assert message.call_id == due.pop(0)
            continue
        assert not due, f"calls without a result: {due}"
        if isinstance(message, Assistant):
            assert message.text or message.calls
            due = [call.id for call in message.calls]
    assert not due, f"calls without a result: {due}"
