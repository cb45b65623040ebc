"""Calls that a host left in the text, in the model's own tokens.

K2: `<|tool_calls_section_begin|><|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}
<|tool_call_end|><|tool_calls_section_end|>`; K3: `<|open|>tools<|sep|><|open|>call tool="name"<|sep|>
<|open|>argument key="k" type="string"<|sep|>…`. Moonshot's published pattern for names misses hyphens; here
any name counts, if it was offered. A text that talks about these tokens is not a call: a leak is the end of
the text, not quoted, and its arguments are there.
"""

import bisect
import html
import itertools
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

MARKS = (
    "<|tool_calls_section_begin|>",
    "<|tool_call_section_begin|>",
    "<|tool_call_begin|>",
    "<|open|>tools<|sep|>",
    "<|open|>call ",
)
"""How a leak begins."""

MENTIONS = 500
"""How many beginnings are looked at in one text."""

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BEGIN = re.compile("|".join(re.escape(mark) for mark in MARKS))
_SECTION = re.compile(r"\s*<\|tool_calls?_section_(?:begin|end)\|>\s*")
_HEAD = re.compile(r"\s*<\|tool_call_begin\|>(.{1,200}?)<\|tool_call_argument_begin\|>\s*", re.DOTALL)
_TAIL = re.compile(r"\s*(?:<\|tool_call_end\|>|(?=<\|tool_calls?_section_end\|>|<\|tool_call_begin\|>|\Z))")
_END_K2 = re.compile(r"(?:\s|<\|tool_calls?_section_end\|>|<\|im_end\|>|\[EOS\])*\Z")
_OPEN_K3 = re.compile(r"\s*<\|open\|>call ([^|]{0,300}?)<\|sep\|>")
_ARGUMENT_K3 = re.compile(
    r"\s*<\|open\|>(argument|json)(?: ([^|]{0,300}?))?<\|sep\|>(.*?)<\|close\|>\1(?:<\|sep\|>)?", re.DOTALL
)
_CLOSE_K3 = re.compile(r"\s*<\|close\|>call(?:<\|sep\|>)?")
_END_K3 = re.compile(r"(?:\s|<\|close\|>(?:tools|message)(?:<\|sep\|>)?|<\|end_of_msg\|>)*\Z")
_AROUND = re.compile(r"\s*<\|close\|>(?:response|think)(?:<\|sep\|>)?\s*\Z|\A\s*<\|open\|>response<\|sep\|>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Leaked:
    """One call found in a text: the id that it carries (or ""), an offered name, the raw arguments."""

    id: str
    name: str
    raw: str


def recover(text: str, offered: Collection[str]) -> tuple[str, list[Leaked]]:
    """The text without its leak, and the calls that it held; the text as it is where it holds none."""
    if "<|" not in text:
        return text, []
    fences = [fence.start() for fence in _FENCE.finditer(text)]
    for begin in itertools.islice(_BEGIN.finditer(text), MENTIONS):
        start = begin.start()
        if bisect.bisect(fences, start) % 2 == 1 or _quoted(text, start):
            continue
        found = (_read_k3 if "<|open|>" in begin.group() else _read_k2)(text, start, offered)
        if found:
            return _AROUND.sub("", text[:start]).rstrip(), found
    return text, []


def offered_name(given: str, offered: Collection[str]) -> str:
    """The offered function that a name means: itself, or without the namespace some hosts put before it."""
    name = given.strip()
    if name in offered:
        return name
    for mark in (".", "__", "/", ":"):
        last = name.rsplit(mark, 1)[-1]
        if last != name and last in offered:
            return last
    return ""


def _quoted(text: str, start: int) -> bool:
    """Right behind a backtick or a quotation mark, or within a longer run of marks."""
    before = text[max(0, start - 80) : start]
    if not text.startswith("<|open|>tools", start) and before.rstrip().endswith("|>"):
        return True
    return before.endswith(("`", '"', "'", "“", "「"))


def _read_k2(text: str, start: int, offered: Collection[str]) -> list[Leaked]:
    found: list[Leaked] = []
    position = start
    while True:
        while section := _SECTION.match(text, position):
            position = section.end()
        head = _HEAD.match(text, position)
        if head is None:
            break
        name = _k2_name(head.group(1), offered)
        raw, position = _k2_arguments(text, head.end())
        if not name or not raw.startswith("{"):
            return []
        identity = head.group(1).strip()
        found.append(Leaked(identity if re.search(r":\d+\Z", identity) else "", name, raw))
    return found if _END_K2.match(text, position) else []


def _k2_name(header: str, offered: Collection[str]) -> str:
    given = re.sub(r":\d+\Z", "", header.strip()).removeprefix("functions.")
    return offered_name(given, offered)


def _k2_arguments(text: str, start: int) -> tuple[str, int]:
    """The arguments from here, and where they end. Whole JSON may itself hold the tokens, in its strings."""
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(text, start)
        if tail := _TAIL.match(text, end):
            return text[start:end], tail.end()
    except (ValueError, RecursionError):
        pass
    end = text.find("<|tool_call_end|>", start)
    if end < 0:
        return text[start:].strip(), len(text)
    return text[start:end].strip(), end + len("<|tool_call_end|>")


def _read_k3(text: str, start: int, offered: Collection[str]) -> list[Leaked]:
    found: list[Leaked] = []
    position = start
    if text.startswith("<|open|>tools<|sep|>", position):
        position += len("<|open|>tools<|sep|>")
    while head := _OPEN_K3.match(text, position):
        attributes = dict(_ATTRIBUTE.findall(head.group(1)))
        name = offered_name(html.unescape(attributes.get("tool", "")), offered)
        raw, position = _k3_arguments(text, head.end())
        close = _CLOSE_K3.match(text, position)
        if not name or close is None:
            return []
        position = close.end()
        found.append(Leaked("", name, raw))
    return found if _END_K3.match(text, position) else []


def _k3_arguments(text: str, position: int) -> tuple[str, int]:
    arguments: dict[str, Any] = {}
    while part := _ARGUMENT_K3.match(text, position):
        position = part.end()
        kind, attributes, value = part.group(1), dict(_ATTRIBUTE.findall(part.group(2) or "")), part.group(3)
        if kind == "json":
            return value, position
        arguments[html.unescape(attributes.get("key", ""))] = _k3_value(
            value, attributes.get("type", "string")
        )
    return json.dumps(arguments, ensure_ascii=False), position


def _k3_value(value: str, kind: str) -> Any:
    if kind == "string":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
