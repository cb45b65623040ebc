"""A turn as the bytes of an answer: one JSON body, or a stream of server-sent events."""

import json
from typing import Any

from tests.kimi_api.errors import ERRORS
from tests.kimi_api.models import REASONING_KEYS, Flavour
from tests.kimi_api.tokens import count
from tests.kimi_api.turns import Call, Request, Turn


def leaked(calls: list[tuple[str, Call]], form: str) -> str:
    """Calls in the model's own tokens, as they look when a host forgets to parse them."""
    if form == "k3":
        return _leaked_k3(calls)
    inner = "".join(
        f"<|tool_call_begin|>{identity}<|tool_call_argument_begin|>{call.text}<|tool_call_end|>"
        for identity, call in calls
    )
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>"


def _leaked_k3(calls: list[tuple[str, Call]]) -> str:
    text = "<|open|>tools<|sep|>"
    for number, (_, call) in enumerate(calls, 1):
        text += f'<|open|>call tool="{call.name}" index="{number}"<|sep|>'
        arguments = json.loads(call.text)
        for key, value in arguments.items():
            kind = _kind(value)
            shown = value if kind == "string" else json.dumps(value, ensure_ascii=False)
            text += (
                f'<|open|>argument key="{_escape(key)}" type="{kind}"<|sep|>{shown}<|close|>argument<|sep|>'
            )
        text += "<|close|>call<|sep|>"
    return text + "<|close|>tools<|sep|>"


def _kind(value: Any) -> str:
    names = {
        str: "string",
        bool: "boolean",
        int: "number",
        float: "number",
        type(None): "null",
        dict: "object",
    }
    return names.get(type(value), "array")


def _escape(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;")


class Answered:
    """One turn, settled against one request: ids given, leaks placed, tokens counted."""

    def __init__(self, turn: Turn, request: Request, flavour: Flavour) -> None:
        self.turn = turn
        self.request = request
        self.model = str(request.body.get("model", ""))
        self.key = turn.reasoning_key or REASONING_KEYS[flavour]
        self.is_router = flavour == "openrouter"
        self.identity = f"chatcmpl-{request.number:08d}"
        calls = self._identified(flavour)
        self.text, self.reasoning, self.calls = turn.text, turn.reasoning, calls
        if turn.leak:
            marks = leaked(
                [(identity or f"functions.{call.name}:0", call) for identity, call in calls], turn.leak_form
            )
            self.calls = []
            if turn.leak == "content":
                self.text += marks
            else:
                self.reasoning += marks
        self.completion_tokens = sum(
            count(part)
            for part in (self.text, self.reasoning, *(call.text for _, call in self.calls))
            if part
        )

    @property
    def finish(self) -> str | None:
        """The finish reason, right unless the turn says otherwise."""
        if self.turn.finish != "":
            return self.turn.finish
        return "tool_calls" if self.calls else "stop"

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens in the shape that the turn asks for."""
        prompt, cached = self.request.prompt_tokens, self.request.cached_tokens
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": self.completion_tokens,
            "total_tokens": prompt + self.completion_tokens,
        }
        if self.turn.usage == "details":
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
        else:
            usage["cached_tokens"] = cached
        if self.is_router:  # what the provider that it chose has charged
            usage["cost"] = usage["total_tokens"] / 1e6
        return usage

    def whole(self) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning:
            message |= self._reasoning_fields(self.reasoning)
        if self.calls:
            message["tool_calls"] = [_call(identity, call) for identity, call in self.calls]
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self.finish}
        body = {**self._head("chat.completion"), "choices": [choice]}
        if self.turn.usage == "choice":
            choice["usage"] = self.usage
        elif self.turn.usage != "none":
            body["usage"] = self.usage
        return self._with_choices(body)

    def chunks(self) -> list[Any]:
        """The stream's chunks, in order."""
        if self.turn.chunks is not None:
            return list(self.turn.chunks)
        if self.turn.choices is not None:
            return [self._with_choices(self._head("chat.completion.chunk"))]
        split = max(1, self.turn.split)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [self._reasoning_fields(piece) for piece in _pieces(self.reasoning, split)]
        deltas += [{"content": piece} for piece in _pieces(self.text, split)]
        for position, (identity, call) in enumerate(self.calls):
            deltas += self._call_deltas(position, identity, call, split)
        chunks = [self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
        end: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": self.finish}
        if self.turn.usage == "choice":
            end["usage"] = self.usage
        chunks.append(self._chunk([end]))
        if self.turn.usage in ("top", "details"):
            chunks.append({**self._chunk([]), "usage": self.usage})
        if self.turn.error_at >= 0:
            error = ERRORS[self.turn.error or "server_error"]
            chunks[self.turn.error_at :] = [error.body]
        return chunks

    def stream(self) -> bytes:
        """The whole stream's bytes."""
        lines = [
            chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
            for chunk in self.chunks()
        ]
        return ("".join(lines) + "data: [DONE]\n\n").encode()

    def _identified(self, flavour: Flavour) -> list[tuple[str, Call]]:
        before = sum(
            len(message.get("tool_calls") or []) for message in self.request.body.get("messages") or []
        )
        named = []
        for offset, call in enumerate(self.turn.calls):
            made = f"functions.{call.name}:{before + offset}"
            if flavour == "vllm":
                made = f"chatcmpl-tool-{self.request.number:04d}{offset:028d}"
            elif flavour == "ollama":
                made = f"call_{self.request.number:04d}{offset:04d}"
            named.append((made if call.id is None else call.id, call))
        return named

    def _call_deltas(self, position: int, identity: str, call: Call, split: int) -> list[dict[str, Any]]:
        index = position if call.index is None else call.index
        first = {"index": index, **_call(identity, call)}
        first["function"] = {"name": call.name, "arguments": ""}
        deltas = [{"tool_calls": [first]}]
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in _pieces(call.text, split)
        ]
        return deltas

    def _reasoning_fields(self, text: str) -> dict[str, Any]:
        if self.key != "reasoning_details":
            return {self.key: text}
        detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
        return {"reasoning": text, "reasoning_details": [detail]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.identity, "object": kind, "created": 1_780_000_000, "model": self.model}

    def _chunk(self, choices: list[Any]) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": choices}

    def _with_choices(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.turn.choices == "missing":
            body.pop("choices", None)
        elif self.turn.choices is not None:
            body["choices"] = self.turn.choices
        return body


def _call(identity: str, call: Call) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "function", "function": {"name": call.name, "arguments": call.text}}
    return {"id": identity, **made} if identity else made


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
