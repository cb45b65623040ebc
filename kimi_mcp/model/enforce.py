"""From what came to what the agent may act on: the enforcer between a model and its tools."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kimi_mcp.model.arguments import Unreadable, parsed, read_arguments
from kimi_mcp.model.history import free_id, used_ids
from kimi_mcp.model.leaks import Leaked, offered_name, recover
from kimi_mcp.model.messages import Assistant, Call, Finish, Function, Message
from kimi_mcp.model.stream import Raw

_THOUGHT = re.compile(r"\A\s*(?:<think>|◁think▷)(.*?)(?:</think>|◁/think▷|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Enforced:
    """An answer that can be believed. `cut`: at the token limit. `announced`: calls that never came."""

    message: Assistant
    finish: Finish
    cut: bool
    notes: tuple[str, ...]
    announced: bool = False

    @property
    def empty(self) -> bool:
        """Whether it says and does nothing."""
        return not self.message.calls and not self.message.text.strip()


def enforced(
    raw: Raw, functions: Sequence[Function], history: Sequence[Message], *, positional_ids: bool = False
) -> Enforced:
    """What a raw answer means. Every call has an id of its own, and either arguments or a problem.

    `positional_ids`: all ids become `functions.name:index`, whatever the host made.
    """
    notes: list[str] = []
    offered = {function.name: function for function in functions}
    text, reasoning = raw.text, raw.reasoning
    if not reasoning and (thought := _THOUGHT.match(text)):
        text, reasoning = text[thought.end() :].lstrip(), thought.group(1).strip()
    text, leaked = recover(text, offered)
    if not leaked and not text.strip():
        reasoning, leaked = recover(reasoning, offered)
    cut = raw.finish == "length"
    if raw.calls and leaked:
        notes.append("dropped calls that had leaked as text beside real ones")
        leaked = []
    elif leaked:
        notes.append(f"recovered {len(leaked)} call{'s'[: len(leaked) != 1]} that had leaked as text")
    sources = leaked or [Leaked(call.id, call.name, call.arguments) for call in raw.calls]
    if positional_ids:
        sources = [replace(source, id="") for source in sources]
    calls = _calls(sources, offered, history, cut=cut, recovered=bool(leaked), notes=notes)
    finish, announced = _finish(raw.finish, calls, notes)
    message = Assistant(
        text=text,
        reasoning=reasoning,
        calls=tuple(calls),
        reasoning_key=raw.reasoning_key or "reasoning_content",
        reasoning_details=() if leaked else tuple(raw.details),
    )
    return Enforced(message, finish, cut, tuple(notes), announced)


def _calls(
    sources: Sequence[Leaked],
    offered: dict[str, Function],
    history: Sequence[Message],
    *,
    cut: bool,
    recovered: bool,
    notes: list[str],
) -> list[Call]:
    used = used_ids(history)
    count = len(used)
    calls: list[Call] = []
    for offset, source in enumerate(sources):
        call = _call(source, offered, cut=cut and offset == len(sources) - 1, notes=notes)
        if not call.id or call.id in used:
            if call.id:
                notes.append(f"the id {call.id} came twice")
            call = replace(call, id=free_id(call.name or "unknown", count + offset, used))
        used.add(call.id)
        calls.append(replace(call, recovered=recovered))
    return calls


def _call(source: Leaked, offered: dict[str, Function], *, cut: bool, notes: list[str]) -> Call:
    name = offered_name(source.name.removeprefix("functions."), offered)
    identity = source.id.strip()
    if not name:
        known = ", ".join(offered) or "none"
        problem = f"There is no function '{source.name[:60]}'; there are: {known}."
        return Call(identity, _plain_name(source.name), None, source.raw, problem)
    if name != source.name:
        notes.append(f"took '{source.name[:60]}' for {name}")
    try:
        arguments, repaired = read_arguments(source.raw, offered[name], cut=cut)
    except Unreadable as error:
        return Call(identity, name, None, source.raw, str(error))
    if repaired:
        notes.append(f"repaired the arguments of {name}")
    return Call(identity, name, arguments, source.raw)


def _plain_name(name: str) -> str:
    """A name that hosts take back in a history: a letter, then letters, digits, `_` and `-`."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]
    return plain if re.match(r"[A-Za-z]", plain) else f"unknown_{plain}"[:64]


def _finish(said: str, calls: list[Call], notes: list[str]) -> tuple[Finish, bool]:
    """The finish reason that fits what came; hosts say `stop` over calls, or nothing at all."""
    if calls:
        if said != "tool_calls":
            notes.append(f"the finish reason was '{said or 'missing'}' although there are calls")
        return "calls", False
    if said in ("tool_calls", "function_call"):
        notes.append("the answer announced calls that did not come")
        return "stop", True
    if said == "length":
        return "length", False
    if said in ("content_filter", "sensitive"):
        return "filtered", False
    return "stop", False


def whole_calls(raw: Raw) -> bool:
    """Whether every native call's arguments are whole JSON; False for a stream that was cut within one."""
    for call in raw.calls:
        try:
            parsed(call.arguments)
        except Unreadable:
            return False
    return True
