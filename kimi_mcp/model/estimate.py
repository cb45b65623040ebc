"""Counting tokens without the tokenizer: what the host last counted, and an estimate of what came after.

The weights are a least-squares fit to a public tokenizer of the same kind as Kimi's (Qwen's, 152k entries, from
the PyPI package dashscope 2.0.2) over 55 texts: Python, Markdown, JSON, diffs, Chinese, Japanese, Russian. The
estimate is 0.83 to 1.10 of that count, 0.95 in the mean; four characters to a token, as kimi-cli counts, is 0.43
of it for Chinese. Digits are weighted by Kimi's own rule, groups of up to three, which Qwen doesn't have.
"""

import json
import string
from collections.abc import Sequence

from kimi_mcp.model.history import bounded
from kimi_mcp.model.messages import Assistant, CallResult, Function, Message, Usage, User

WEIGHTS: tuple[tuple[bytes, float], ...] = (
    (string.ascii_letters.encode(), 0.23),
    (b" \t\r\n", 0.08),
    (string.digits.encode(), 0.5),
    (string.punctuation.encode(), 0.55),
    (bytes(range(0xC2, 0xE0)), 0.33),  # the first bytes of two: Latin with marks, Greek, Cyrillic
    (bytes(range(0xE0, 0xF0)), 0.6),  # of three: Chinese, Japanese, Korean
    (bytes(range(0xF0, 0xF5)), 2.0),  # of four: emoji
)
"""Bytes of UTF-8, and the tokens that each of them makes on average."""

PER_MESSAGE = 6
"""Tokens of the marks around a message or a call."""

PER_IMAGE = 1024
"""Tokens of a picture, about, at the sizes that Kimi takes."""


def text_tokens(text: str) -> int:
    """About how many tokens a text takes."""
    data = text.encode("utf-8", "replace")
    weights = WEIGHTS[:4] if text.isascii() else WEIGHTS
    return round(sum(weight * (len(data) - len(data.translate(None, kind))) for kind, weight in weights))


def message_tokens(message: Message) -> int:
    """About how many tokens a message takes, its reasoning and its pictures included."""
    tokens = PER_MESSAGE + text_tokens(bounded(message.text))
    if isinstance(message, Assistant):
        tokens += text_tokens(message.reasoning)
        tokens += sum(PER_MESSAGE + text_tokens(call.name) + text_tokens(call.raw) for call in message.calls)
    elif isinstance(message, User | CallResult):
        tokens += PER_IMAGE * len(message.images)
    return tokens


def function_tokens(functions: Sequence[Function]) -> int:
    """About how many tokens the offered functions take."""
    return sum(
        PER_MESSAGE
        + text_tokens(function.name + function.description)
        + text_tokens(json.dumps(function.parameters, ensure_ascii=False))
        for function in functions
    )


class Meter:
    """Estimates prompts from the last counted one.

    `learn` is told what the host counted for a prompt and its answer; `prompt` then estimates only what was
    added behind it, and everything, corrected by what the host's count taught, where the history is another.
    """

    def __init__(self) -> None:
        self._known: tuple[Message, ...] = ()
        self._functions: tuple[Function, ...] = ()
        self._guess = 0
        self._tokens = 0
        self._ratio = 1.0

    def prompt(self, messages: Sequence[Message], functions: Sequence[Function]) -> int:
        """About how many tokens this prompt takes."""
        guess = self._guessed(messages, functions)
        if not self._continues(messages, functions):
            return round(guess * self._ratio)
        return self._tokens + round((guess - self._guess) * self._ratio)

    def learn(self, messages: Sequence[Message], functions: Sequence[Function], usage: Usage) -> None:
        """Remember what the host counted for a prompt of these messages (its answer not among them)."""
        if usage.prompt <= 0 or usage.estimated:
            return
        guess = self._guessed(messages, functions)
        if usage.prompt < guess / 4:  # only what was not cached (Ollama 0.30), or a cut prompt
            return
        if guess > 500:  # short prompts are mostly the template's own words
            self._ratio = min(2.0, max(0.5, usage.prompt / guess))
        self._known, self._functions = tuple(messages), tuple(functions)
        self._guess, self._tokens = guess, usage.prompt

    def _continues(self, messages: Sequence[Message], functions: Sequence[Function]) -> bool:
        """Whether a history only adds to the counted one."""
        known = self._known
        return (
            0 < len(known) <= len(messages)
            and self._functions == tuple(functions)
            and all(a is b or a == b for a, b in zip(known, messages, strict=False))
        )

    def _guessed(self, messages: Sequence[Message], functions: Sequence[Function]) -> int:
        """The estimate before any correction; only the tail is read where the rest was read before."""
        if self._continues(messages, functions):
            return self._guess + sum(message_tokens(message) for message in messages[len(self._known) :])
        return sum(message_tokens(message) for message in messages) + function_tokens(functions)
