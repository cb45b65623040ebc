"""An answer put together from what a host sends: the chunks of a stream, or one whole body.

Hosts leave out indexes, ids and whole fields, repeat names, send objects where strings belong, and end
without a finish reason. Nothing here raises over such things; `Raw` holds what came.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from kimi_mcp.model.leaks import MARKS
from kimi_mcp.model.messages import Delta, Usage

REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_text")
"""Fields that carry reasoning as text: Moonshot; OpenRouter and newer vLLM; gateways."""


@dataclass(slots=True)
class RawCall:
    """One call as it came."""

    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list[str])
    index: int | None = None

    @property
    def arguments(self) -> str:
        """The arguments' text."""
        return "".join(self.pieces)


@dataclass(slots=True)
class Raw:
    """One answer as it came, before anything in it is believed. `usage`: None where the host sent none.

    `held`: the end of the text that was not shown while it streamed, because a leak could begin there.
    """

    text: str = ""
    held: str = ""
    reasoning: str = ""
    reasoning_key: str = ""
    details: list[Any] = field(default_factory=list[Any])
    calls: list[RawCall] = field(default_factory=list[RawCall])
    finish: str = ""
    usage: Usage | None = None


class Assembler:
    """Adds chunk to chunk, and counts them. `add` returns the pieces that may be shown at once."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._raw = Raw()
        self.chunks = 0
        self._shutters = {"text": Shutter(), "reasoning": Shutter()}

    def add(self, chunk: object) -> list[Delta]:
        """Take one chunk of a stream, or a whole body."""
        self.chunks += 1
        body = _object(chunk)
        self._count(body.get("usage"))
        shown: list[Delta] = []
        for choice in _list(body.get("choices"))[:1]:
            choice = _object(choice)
            self._count(choice.get("usage"))
            if isinstance(choice.get("finish_reason"), str):
                self._raw.finish = choice["finish_reason"]
            shown += self._message(_object(choice.get("delta")) or _object(choice.get("message")))
        return shown

    def finished(self) -> Raw:
        """Everything that came."""
        self._raw.text, self._raw.reasoning = "".join(self._text), "".join(self._reasoning)
        self._raw.held = self._shutters["text"].held
        self._raw.calls = [call for call in self._raw.calls if call.name or call.pieces]
        return self._raw

    def _message(self, message: Mapping[str, Any]) -> list[Delta]:
        shown: list[Delta] = []
        for key in REASONING_KEYS:
            if piece := _text(message.get(key)):
                self._raw.reasoning_key = self._raw.reasoning_key or key
                self._reasoning.append(piece)
                shown += self._shutters["reasoning"].open("reasoning", piece)
                break
        if details := _list(message.get("reasoning_details")):
            self._detail(details)
        if piece := _text(message.get("content")):
            self._text.append(piece)
            shown += self._shutters["text"].open("text", piece)
        for call in _list(message.get("tool_calls")):
            self._call(_object(call))
        return shown

    def _detail(self, details: list[Any]) -> None:
        """OpenRouter's list: pieces of one block are joined, blocks stay in order."""
        self._raw.reasoning_key = "reasoning_details"
        for detail in map(_object, details):
            last = _object(self._raw.details[-1] if self._raw.details else None)
            same = bool(last) and all(last.get(key) == detail.get(key) for key in ("type", "index", "id"))
            if same and isinstance(detail.get("text"), str) and isinstance(last.get("text"), str):
                rest = {key: value for key, value in detail.items() if value is not None}
                self._raw.details[-1] = {**last, **rest, "text": last["text"] + detail["text"]}
            else:
                self._raw.details.append(dict(detail))

    def _call(self, piece: Mapping[str, Any]) -> None:
        function = _object(piece.get("function"))
        identity, name = _text(piece.get("id")), _text(function.get("name"))
        index = piece.get("index") if isinstance(piece.get("index"), int) else None
        call = self._meant(index, identity, name)
        call.id = call.id or identity
        if name and name != call.name:
            call.name += name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.pieces.append(arguments)
        elif arguments is not None:
            call.pieces = [json.dumps(arguments, ensure_ascii=False)]

    def _meant(self, index: int | None, identity: str, name: str) -> RawCall:
        """The call that a piece belongs to: the same index, unless it has another id; else the last one."""
        calls = self._raw.calls
        if index is not None:
            found = next((call for call in reversed(calls) if call.index == index), None)
        else:
            found = calls[-1] if calls and not (name and any(calls[-1].pieces)) else None
        if found is None or (identity and found.id and identity != found.id):
            found = RawCall(index=index)
            calls.append(found)
        return found

    def _count(self, usage: Any) -> None:
        usage = _object(usage)
        prompt = _number(usage.get("prompt_tokens"))
        if not prompt and not _number(usage.get("completion_tokens")):
            return
        details = _object(usage.get("prompt_tokens_details"))
        cached = _number(usage.get("cached_tokens")) or _number(details.get("cached_tokens"))
        cost = usage.get("cost")
        self._raw.usage = Usage(
            prompt=prompt,
            cached=min(cached, prompt),
            completion=_number(usage.get("completion_tokens")),
            charged=float(cost) if isinstance(cost, int | float) and cost >= 0 else None,
        )


class Shutter:
    """Shows a text while it streams, but nothing from where a leaked call may have begun."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._shut = False

    @property
    def held(self) -> str:
        """What was not shown."""
        return "".join(self._kept)

    def open(self, kind: Literal["text", "reasoning"], piece: str) -> list[Delta]:
        """The part of what came so far that is surely not a leak, as at most one delta."""
        if self._shut:
            self._kept.append(piece)
            return []
        text = self.held + piece
        begin = min((at for at in (text.find(mark) for mark in MARKS) if at >= 0), default=-1)
        if begin >= 0:
            self._shut = True
        else:
            begin = len(text) - max(_overlap(text, mark) for mark in MARKS)
        self._kept = [text[begin:]]
        return [Delta(kind, text[:begin])] if begin else []


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of a text could begin a mark."""
    start = text.rfind("<", max(0, len(text) - len(mark)))
    while start >= 0:
        if mark.startswith(text[start:]):
            return len(text) - start
        start = text.rfind("<", max(0, len(text) - len(mark)), start)
    return 0


def _object(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _text(value: Any) -> str:
    """A string, or the text of a list of parts."""
    if isinstance(value, str):
        return value
    return "".join(_text(_object(part).get("text")) for part in _list(value))
