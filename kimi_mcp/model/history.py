"""The history as hosts accept it: checked and mended before every request.

Hosts refuse (400) a result without its call, a call without its result, an empty assistant message and an id
used twice. A history that was cut, folded, cancelled or resumed may hold any of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kimi_mcp.model.messages import Assistant, Call, CallResult, Message, User

RESULT_LIMIT = 400_000
"""Characters of one result that are ever sent: the last guard; the agent cuts its results far below."""

CANCELLED = "The call was cancelled before it gave a result."


def mended(messages: Sequence[Message], *, positional_ids: bool = False) -> list[Message]:
    """The same history with exactly one result behind each call, in order, and nothing that hosts refuse.

    Ids are kept where they are unique and not empty; the others become `functions.name:index`, counted over
    the whole history, and with `positional_ids` all do. A sound history comes back as the same objects.
    """
    sound: list[Message] = []
    used: set[str] = set()
    count = 0
    for head, tail in _blocks(messages):
        if head is None or not head.calls:
            sound += [head] if head and head.text.strip() else []
            sound += tail
            continue
        assistant, results = _answered(head, tail, used, count, positional_ids)
        count += len(head.calls)
        sound.append(assistant)
        sound += results
        sound += [message for message in tail if not isinstance(message, CallResult)]
    return sound


def _blocks(messages: Sequence[Message]) -> Iterator[tuple[Assistant | None, list[Message]]]:
    """Each assistant message with what follows it; results before the first call have none, and go."""
    head: Assistant | None = None
    tail: list[Message] = []
    for message in messages:
        if isinstance(message, Assistant):
            yield head, tail
            head, tail = message, []
        elif isinstance(message, CallResult):
            if head is not None and head.calls:
                tail.append(message)
        elif message.text.strip() or (isinstance(message, User) and message.images):
            tail.append(message)
    yield head, tail


def _answered(
    head: Assistant, tail: Sequence[Message], used: set[str], count: int, positional: bool
) -> tuple[Assistant, list[CallResult]]:
    waiting = [message for message in tail if isinstance(message, CallResult)]
    calls: list[Call] = []
    results: list[CallResult] = []
    for offset, call in enumerate(head.calls):
        identity = call.id
        if positional or not identity or identity in used:
            identity = free_id(call.name, count + offset, used)
        used.add(identity)
        found = next((result for result in waiting if result.call_id == call.id), None)
        if found is None:
            found = CallResult(call.id, call.name, CANCELLED)
        else:
            waiting.remove(found)
        calls.append(call if identity == call.id else replace(call, id=identity))
        results.append(found if identity == found.call_id else replace(found, call_id=identity))
    same = all(new is old for new, old in zip(calls, head.calls, strict=True))
    return (head if same else replace(head, calls=tuple(calls))), results


def free_id(name: str, index: int, used: set[str]) -> str:
    """An id in Kimi's own form that nothing in `used` has."""
    while (identity := f"functions.{name}:{index}") in used:
        index += 1
    return identity


def used_ids(messages: Sequence[Message]) -> set[str]:
    """The ids of all calls of a history."""
    return {call.id for message in messages if isinstance(message, Assistant) for call in message.calls}


def bounded(text: str) -> str:
    """A result's text as it is sent: a huge one without its middle, the same every time."""
    if len(text) <= RESULT_LIMIT:
        return text
    half = RESULT_LIMIT // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters are not shown …]\n{text[-half:]}"
