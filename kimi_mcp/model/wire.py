"""A request's body, as bytes that do not change where the history does not.

A host's prefix cache serves a prompt only up to the first byte that differs, and cached input costs a sixth
to a tenth. So the fields stand in one order, each message is written once and kept, and nothing that changes
from call to call stands before the messages.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_mcp.model.history import bounded
from kimi_mcp.model.messages import Assistant, Call, CallResult, Function, Image, Message, System, User
from kimi_mcp.model.profiles import Profile
from kimi_mcp.model.schema import flavoured

UNSEEN = "[A picture stood here; this model does not see pictures.]"


def dumped(value: Any) -> bytes:
    """Compact JSON as UTF-8; a lone surrogate (a broken file name) becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Writer:
    """Writes requests for one profile; remembers what it wrote of the messages still in use."""

    def __init__(self, profile: Profile, *, thinking: bool) -> None:
        self._profile = profile
        self._thinking = thinking
        self._written: dict[int, tuple[Message, bytes]] = {}
        self._functions: tuple[tuple[Function, ...], bytes] = ((), b"[]")

    def body(
        self,
        messages: Sequence[Message],
        functions: Sequence[Function],
        fields: Mapping[str, Any],
        *,
        partial: Assistant | None = None,
    ) -> bytes:
        """The body. `fields` follow the messages; `partial` is an answer that the model is to continue."""
        kept: dict[int, tuple[Message, bytes]] = {}
        parts: list[bytes] = []
        for message in messages:
            known = self._written.get(id(message)) or (message, self._message(message))
            kept[id(message)] = known
            parts.append(known[1])
        self._written = kept
        if partial is not None:
            parts.append(dumped({**self._assistant(partial), "partial": True}))
        head = b'{"model":' + dumped(self._profile.model)
        if functions:
            head += b',"tools":' + self._offered(functions)
        rest = dumped(dict(fields))[1:-1]
        return head + b',"messages":[' + b",".join(parts) + b"]" + (b"," + rest if rest else b"") + b"}"

    def _offered(self, functions: Sequence[Function]) -> bytes:
        if self._functions[0] != tuple(functions):
            tools = [
                {
                    "type": "function",
                    "function": {
                        "name": function.name,
                        "description": function.description,
                        "parameters": flavoured(function.parameters),
                    },
                }
                for function in functions
            ]
            self._functions = (tuple(functions), dumped(tools))
        return self._functions[1]

    def _message(self, message: Message) -> bytes:
        match message:
            case System():
                return dumped({"role": "system", "content": message.text})
            case User():
                return dumped({"role": "user", "content": self._content(message.text, message.images)})
            case Assistant():
                return dumped(self._assistant(message))
            case CallResult():
                text = bounded(message.text) or "(no output)"
                content = self._content(text, message.images)
                return dumped({"role": "tool", "tool_call_id": message.call_id, "content": content})

    def _content(self, text: str, images: Sequence[Image]) -> str | list[dict[str, Any]]:
        if not images:
            return text
        if not self._profile.sees:
            return f"{text}\n{UNSEEN}".strip()
        pictures = [
            {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{_base64(image)}"}}
            for image in images
        ]
        return [{"type": "text", "text": text}, *pictures] if text else pictures

    def _assistant(self, message: Assistant) -> dict[str, Any]:
        written: dict[str, Any] = {"role": "assistant", "content": message.text}
        key = self._profile.reasoning_key or message.reasoning_key
        if key == "reasoning_details" and message.reasoning_details:
            written[key] = list(message.reasoning_details)
        elif message.reasoning:
            written["reasoning" if key == "reasoning_details" else key] = message.reasoning
        elif message.calls and self._thinking and self._profile.reasoning_key:
            written[key] = ""  # a missing field is refused, an empty one is not
        if message.calls:
            written["tool_calls"] = [_call(call) for call in message.calls]
        return written


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments(call)},
    }


def _arguments(call: Call) -> str:
    """The call's own words where they are JSON: other hosts' templates read them again."""
    try:
        if isinstance(json.loads(call.raw), dict):
            return call.raw
    except ValueError:
        pass
    return json.dumps(dict(call.arguments or {}), ensure_ascii=False)


def _base64(image: Image) -> str:
    return base64.b64encode(image.data).decode("ascii")
