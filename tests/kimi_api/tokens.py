"""Counting tokens and serving the prefix cache, as the endpoint sees a prompt."""

import json
import threading
from collections import deque
from functools import lru_cache
from typing import Any

REMEMBERED = 8
"""Prompts remembered per cache key."""


@lru_cache(maxsize=20_000)
def count(text: str) -> int:
    """Tokens of a text: about four ASCII characters, or one and a half others, to a token."""
    plain = len(text.encode("ascii", "ignore"))
    return round(plain / 4 + (len(text) - plain) / 1.5) + 1


def segments(body: dict[str, Any]) -> list[str]:
    """A prompt in the order in which the model reads it: its tools first, then the messages."""
    tools = json.dumps(body.get("tools") or [], ensure_ascii=False)
    return [tools, *(json.dumps(message, ensure_ascii=False) for message in body.get("messages") or [])]


def prompt_tokens(parts: list[str]) -> int:
    """Tokens of a whole prompt."""
    return sum(count(part) for part in parts)


class PrefixCache:
    """Serves the longest prefix that an earlier prompt of the same key shares."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[list[str]]] = {}
        self._lock = threading.Lock()

    def serve(self, model: str, key: str, parts: list[str]) -> int:
        """Tokens that the cache holds of this prompt; remembers the prompt."""
        with self._lock:
            earlier = self._seen.setdefault((model, key), deque(maxlen=REMEMBERED))
            best = max((_common(parts, other) for other in earlier), default=0)
            earlier.append(parts)
        return best


def _common(parts: list[str], other: list[str]) -> int:
    tokens = 0
    for mine, theirs in zip(parts, other, strict=False):
        if mine != theirs:
            same = next(
                (i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b),
                min(len(mine), len(theirs)),
            )
            return tokens + max(0, count(mine[:same]) - 1)
        tokens += count(mine)
    return tokens
