"""The client: one answer, whatever the host does in between.

One `answer` may take several requests: what a host could not do for now is tried again, an empty answer is
nudged, one that was cut at its token limit is continued, and a field that a host does not know is left out
from then on.
"""

import math
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Self

import anyio

from kimi_mcp.model.enforce import Enforced, enforced, whole_calls
from kimi_mcp.model.errors import ContextOverflow, Filtered, ModelError, RequestRefused, Unreachable
from kimi_mcp.model.estimate import Meter, message_tokens
from kimi_mcp.model.gate import Gate, OpenGate
from kimi_mcp.model.history import mended
from kimi_mcp.model.messages import Answer, Assistant, Delta, Function, Message, Usage, User
from kimi_mcp.model.profiles import Profile
from kimi_mcp.model.refusals import Refusal, backoff
from kimi_mcp.model.stream import Assembler, Raw
from kimi_mcp.model.thinking import Effort, thinking_fields, thinks
from kimi_mcp.model.transport import Failed, Limits, Transport
from kimi_mcp.model.wire import Writer

NUDGES = 2
"""How often an empty answer is asked for again."""

RAISES = 2
"""How often an answer that reached its token limit is continued, or asked for with a higher one."""

NUDGE_EMPTY = "Your last answer was empty. Go on: call a function, or say in words where you stand."
NUDGE_CALLS = "Your last answer announced a call, but none arrived. Send the call again."

ASIDE_TRIES = 2
"""How often a short question beside the history is tried again, of what the host could not do for now."""

ASIDE_CAP, ASIDE_CAP_THINKING = 512, 4_096
"""Tokens of the answer to such a question; of a model that always thinks, its thoughts are among them."""

WHOLE = frozenset({"stream", "stream_options"})
"""Fields that are left out of a request for an answer in one piece."""

OnDelta = Callable[[Delta], Awaitable[None]]
Exchange = Callable[[bytes, list[object]], None]
"""Told of each request's body and the chunks that answered it; what a recorder hooks in."""


@dataclass
class Turn:
    """One answer in the making. `asked`: the history as it was given; `messages`: as it is sent.

    `strict`: mended after a refusal; `whole`: asked for in one piece, not streamed.
    """

    asked: Sequence[Message]
    messages: list[Message]
    functions: Sequence[Function]
    on_delta: OnDelta | None
    deadline: float
    cap: int
    partial: Assistant | None = None
    nudges: int = 0
    raises: int = 0
    attempts: int = 0
    strict: bool = False
    whole: bool = False
    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list[str])

    async def say(self, delta: Delta) -> None:
        """Hand a piece on to whoever watches."""
        if self.on_delta is not None:
            await self.on_delta(delta)


class KimiModel:
    """A model at a host, as `messages.Model`; made by `connect.connect`, closed by `async with`.

    `on_exchange` may be set to a recorder, `gate` to the pace of an account that others use too.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Transport,
        limits: Limits,
        *,
        thinking: bool = True,
        effort: Effort = "",
        session: str = "",
    ) -> None:
        self.profile = profile
        self.on_exchange: Exchange | None = None
        self.gate: Gate = OpenGate()
        self._transport = transport
        self._limits = limits
        self._thinks = thinks(profile, thinking)
        self._meter = Meter()
        self._writer = Writer(profile, thinking=self._thinks)
        self._fields = self._first_fields(thinking, effort, session or uuid.uuid4().hex)
        self._dropped: set[str] = set()
        self._pressure = 1.0
        self._width = anyio.CapacityLimiter(math.inf)
        self._once = False

    @property
    def name(self) -> str:
        """The model's id at its host."""
        return self.profile.model

    @property
    def window(self) -> int:
        """Tokens that prompt and answer may hold together."""
        return self.profile.window

    @property
    def sees(self) -> bool:
        """Whether it takes images."""
        return self.profile.sees

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def aside(self) -> "KimiModel":
        """As `Model.aside`: it shares the connections, the pace and what was learnt of the host."""
        limits = replace(self._limits, retries=ASIDE_TRIES, connects=ASIDE_TRIES)
        one = KimiModel(self.profile, self._transport, limits, thinking=False)
        cap = ASIDE_CAP_THINKING if one._thinks else ASIDE_CAP
        one.profile = replace(self.profile, cap=min(cap, self.profile.cap))
        one.on_exchange, one.gate, one._width = self.on_exchange, self.gate, self._width
        one._dropped = self._dropped
        one._once = True
        return one

    def estimate(self, messages: Sequence[Message], functions: Sequence[Function]) -> int:
        """About how many tokens a prompt takes: the last answer's usage and an estimate of the tail."""
        return self._meter.prompt(messages, functions)

    async def answer(
        self, messages: Sequence[Message], functions: Sequence[Function], *, on_delta: OnDelta | None = None
    ) -> Answer:
        """The model's next answer. Its usage and cost are those of all requests that it took.

        Raises the errors of `kimi_mcp.model.errors`; `ContextOverflow` without a request when the prompt
        leaves no room for an answer.
        """
        started = time.monotonic()
        sound = mended(messages, positional_ids=self.profile.rewrite_ids)
        turn = Turn(messages, sound, functions, on_delta, started + self._limits.total, self.profile.cap)
        while True:
            raw = await self._requested(turn)
            made = enforced(
                _joined(turn.partial, raw), functions, sound, positional_ids=self.profile.rewrite_ids
            )
            if raw.held and raw.held in made.message.text:
                await turn.say(Delta("text", raw.held))
            if not await self._again(turn, made):
                break
        turn.notes += made.notes
        if made.empty and made.finish == "filtered" and not self._once:
            raise Filtered("The host's content filter stopped the answer; say it in other words.")
        if made.empty and not self._once:
            raise Unreachable(
                f"The model gave {turn.nudges + turn.raises + 1} answers without a word or a call."
            )
        return Answer(
            message=made.message,
            usage=turn.usage,
            finish=made.finish,
            cost=self._cost(turn.usage),
            seconds=time.monotonic() - started,
            notes=tuple(turn.notes),
        )

    async def _again(self, turn: Turn, made: Enforced) -> bool:
        """Whether another request must finish or replace what came; arranges it."""
        if self._once:
            return False
        if made.cut and turn.raises < RAISES and (not made.message.calls or made.message.calls[-1].problem):
            return self._longer(turn, made)
        if (made.empty or made.announced) and made.finish != "filtered" and turn.nudges < NUDGES:
            turn.nudges += 1
            turn.partial = None
            if turn.nudges == 1:
                turn.messages = [*turn.messages, User(NUDGE_EMPTY if made.empty else NUDGE_CALLS)]
            why = "The answer was empty" if made.empty else "The announced calls did not come"
            turn.notes.append(f"{why}; asked again")
            await turn.say(Delta("retry", f"{why}; asking again."))
            return True
        return False

    def _longer(self, turn: Turn, made: Enforced) -> bool:
        """After `length`: continue the text where the host can, else ask again with twice the cap."""
        turn.raises += 1
        message = made.message
        if self.profile.partial and message.text.strip() and not message.calls:
            turn.partial = message
            turn.notes.append("continued an answer that was cut at its token limit")
            return True
        if turn.cap * 2 > self.profile.window // 2:
            return False
        turn.cap *= 2
        turn.partial = None
        turn.notes.append(f"raised the answer's limit to {turn.cap} tokens")
        return True

    async def _requested(self, turn: Turn) -> Raw:
        """One request that was answered, after as many attempts as it takes."""
        while True:
            try:
                raw = await self._request(turn)
                turn.attempts = 0
                return raw
            except Failed as failed:
                refused = failed.refusal
                if refused.remedy == "drop" and not self._dropped.issuperset(refused.fields):
                    self._dropped.update(refused.fields)
                    turn.notes.append(f"left out {', '.join(refused.fields)}, which the host refuses")
                elif refused.remedy == "strict" and not turn.strict:
                    turn.strict = True
                    turn.messages = mended(turn.messages, positional_ids=True)
                    self._writer = Writer(
                        replace(self.profile, reasoning_key="reasoning_content"), thinking=True
                    )
                    turn.notes.append("mended the history strictly after the host refused it")
                elif refused.remedy == "retry":
                    await self._wait(turn, failed)
                else:
                    raise refused.error from None

    async def _wait(self, turn: Turn, failed: Failed) -> None:
        """Wait before the next attempt; raises the error when there is none left, in number or in time."""
        turn.attempts += 1
        refused, limits = failed.refusal, self._limits
        most = limits.connects if failed.connecting else limits.retries
        seconds = backoff(
            turn.attempts,
            refused.wait,
            first=limits.wait_first,
            most=limits.wait_most,
            cap=limits.wait_cap,
        )
        if turn.attempts > most or time.monotonic() + seconds > turn.deadline:
            raise _after(refused, turn.attempts) from None
        if refused.slots:  # helpers ask side by side: no more than the account has slots
            self._width.total_tokens = min(self._width.total_tokens, refused.slots)
        if refused.tokens:
            self._pressure = max(0.125, self._pressure / 2)
        reason = str(refused.error)
        turn.notes.append(f"attempt {turn.attempts} failed: {reason}")
        await turn.say(
            Delta("retry", f"{reason} Trying again in {seconds:.1f} s ({turn.attempts} of {most}).")
        )
        await anyio.sleep(seconds)

    async def _request(self, turn: Turn) -> Raw:
        """One request; raises `Failed`."""
        cap = self._cap(turn)
        fields = {**self._fields, self.profile.cap_field: cap}
        without = self._dropped | (WHOLE if turn.whole else frozenset[str]())
        fields = {name: value for name, value in fields.items() if name not in without}
        body = self._writer.body(turn.messages, turn.functions, fields, partial=turn.partial)
        if self.profile.body_limit and len(body) > self.profile.body_limit:
            raise ContextOverflow(
                f"The request has {len(body)} bytes and the host takes {self.profile.body_limit}; "
                "drop pictures or old results."
            )
        assembler = Assembler()
        came: list[object] = []
        tokens = self._meter.prompt(turn.asked, turn.functions) + cap
        async with self._width, self.gate.request(tokens) as place:
            try:
                await self._received(turn, body, fields, assembler, came)
            except Failed as failed:
                if failed.refusal.limited:
                    place.refused(failed.refusal.wait, failed.refusal.slots)
                raise
            usage = assembler.finished().usage
            if usage is not None and usage.prompt:
                place.settle(usage.prompt + cap)
        if not assembler.chunks and not turn.whole:  # a server that fails behind its 200 tells why only so
            turn.whole = True
            turn.notes.append("the stream was empty; asked without streaming")
            return await self._request(turn)
        if self.on_exchange is not None:
            self.on_exchange(body, came)
        raw = assembler.finished()
        if not raw.finish and not whole_calls(raw):
            raise Failed(Refusal(Unreachable("The stream ended within a call."), "retry"))
        await self._refuse_cut(turn, raw)
        self._account(turn, raw)
        return raw

    async def _refuse_cut(self, turn: Turn, raw: Raw) -> None:
        """Ollama cuts a prompt that is longer than its context length, and says nothing."""
        if self.profile.host != "ollama" or raw.usage is None or turn.partial or turn.nudges:
            return
        guess = self._meter.prompt(turn.asked, turn.functions)
        if (
            raw.usage.prompt >= guess / 2
        ):  # it may count only what was not cached, so it is asked before it is blamed
            return
        window = await self._transport.ollama_window(self.profile.model)
        if 0 < window < guess:
            raise RequestRefused(
                f"Ollama reads only {window:,} tokens and cut the prompt of about {guess:,}; give it more context: "
                "OLLAMA_CONTEXT_LENGTH=131072 ollama serve."
            )

    async def _received(
        self, turn: Turn, body: bytes, fields: dict[str, Any], assembler: Assembler, came: list[object]
    ) -> None:
        """Send a request and take its chunks as they come."""
        with anyio.move_on_after(max(0.0, turn.deadline - time.monotonic())) as scope:
            async with aclosing(self._transport.chunks(body, self.profile.model, fields)) as chunks:
                async for chunk in chunks:
                    if self.on_exchange is not None:
                        came.append(chunk)
                    for delta in assembler.add(chunk):
                        await turn.say(delta)
        if scope.cancelled_caught:
            raise Unreachable(f"The answer took longer than {self._limits.total:g} s.")

    def _account(self, turn: Turn, raw: Raw) -> None:
        """Add what a request took, and learn from it."""
        usage = raw.usage
        if usage is None or not usage.prompt:
            said = Assistant(raw.text, raw.reasoning)
            usage = Usage(
                prompt=self._meter.prompt(turn.asked, turn.functions),
                completion=message_tokens(said) + sum(len(call.arguments) // 4 for call in raw.calls),
                estimated=True,
            )
        elif turn.partial is None and not turn.nudges:
            self._meter.learn(turn.asked, turn.functions, usage)
        self._pressure = min(1.0, self._pressure * 1.5)
        turn.usage = _sum(turn.usage, usage)

    def _cap(self, turn: Turn) -> int:
        """The tokens that this answer may take: they count against the window and the tokens per minute."""
        prompt = self._meter.prompt(turn.asked, turn.functions)
        if turn.partial is not None:
            prompt += message_tokens(turn.partial)
        window = self.profile.window
        room = window - prompt - max(64, prompt // 50)
        if room < min(2048, window // 8):
            raise ContextOverflow(f"The prompt takes about {prompt} of the model's {window} tokens; fold it.")
        return max(256, min(int(turn.cap * self._pressure), room))

    def _cost(self, usage: Usage) -> float | None:
        price = self.profile.price
        if usage.charged is not None and self.profile.host == "openrouter":
            return usage.charged
        if price is None:
            return None
        fresh = usage.prompt - usage.cached
        return (
            fresh * price.prompt + usage.cached * price.cached + usage.completion * price.completion
        ) / 1e6

    def _first_fields(self, thinking: bool, effort: Effort, session: str) -> dict[str, Any]:
        profile = self.profile
        fields: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
        if profile.temperature is not None:
            fields["temperature"] = profile.temperature[0 if self._thinks else 1]
        if profile.top_p is not None:
            fields["top_p"] = profile.top_p
        fields |= thinking_fields(profile, thinking, effort)
        if profile.cache_key:
            fields["prompt_cache_key"] = session
        if profile.host == "openrouter" and profile.model.startswith("moonshotai/"):
            # The makers' own endpoint first: it follows schemas best (Moonshot's vendor verifier), and one provider
            # keeps one prefix cache.
            fields["provider"] = {"order": ["moonshotai"], "allow_fallbacks": True}
        return fields


def _joined(partial: Assistant | None, raw: Raw) -> Raw:
    """The whole of an answer that was continued."""
    if partial is None:
        return raw
    return replace(
        raw,
        text=partial.text + raw.text,
        reasoning=partial.reasoning + raw.reasoning,
        reasoning_key=raw.reasoning_key or partial.reasoning_key,
    )


def _after(refused: Refusal, attempts: int) -> ModelError:
    times = "attempt" if attempts == 1 else "attempts"
    return Unreachable(f"{refused.error} Given up after {attempts} {times}; the run can be resumed.")


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        prompt=one.prompt + other.prompt,
        cached=one.cached + other.cached,
        completion=one.completion + other.completion,
        estimated=one.estimated or other.estimated,
        charged=None if one.charged is other.charged is None else (one.charged or 0) + (other.charged or 0),
    )
