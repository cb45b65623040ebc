"""What a host's refusal means: which error it is, and whether and when to try again.

Sources: platform.kimi.ai/docs/api/errors, the Kimi Code error reference, kimi-code's provider tests, and the
wordings of vLLM, SGLang, llama.cpp and OpenRouter. Retried are 408, 409, 5xx, 529, overload and rate limits;
never an empty account, which Moonshot also reports as 429.
"""

import email.utils
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kimi_mcp.model.errors import (
    ContextOverflow,
    Filtered,
    KeyRefused,
    ModelError,
    NoSuchModel,
    QuotaExhausted,
    RequestRefused,
    Unreachable,
)
from kimi_mcp.model.profiles import retirement

SHOWN = 300
"""Characters of a host's body that a message quotes."""

_OVERFLOW = re.compile(
    r"input token length too long|exceeded model token limit|prompt tokens \+ max_tokens exceed"
    r"|total message size .* exceeds|maximum context length|context.?length.?exceeded|exceed.?context.?size"
    r"|available context size|exceeds? the (model's )?(max(imum)? )?context|longer than the model's context"
    r"|prompt is too long|too many tokens|input is too long|context window",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"exceeded_current_quota|insufficient.?(balance|quota|credit)|usage limit for this|TPD rate limit"
    r"|billing cycle",
    re.IGNORECASE,
)
_FILTER = re.compile(r"content_filter|considered high risk|content_policy", re.IGNORECASE)
_STRUCTURE = re.compile(
    r"tool_call_id.*is not found|must not be empty|did not have response messages|must be followed by tool"
    r"|reasoning_content is missing|must be unique",
    re.IGNORECASE,
)
_SLOTS = re.compile(r"max (?:organization )?concurrency: (\d{1,6})", re.IGNORECASE)
_AGAIN_IN = re.compile(r"try again (?:after|in) (\d+(?:\.\d+)?) ?s", re.IGNORECASE)

Remedy = Literal["", "retry", "drop", "strict"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A host's refusal. `remedy`: try again, drop a field (named in `fields`), or mend the history strictly.

    `wait`: seconds that the host asks for, None where it says nothing. `tokens`: it was the limit of tokens
    per minute, to which the answer's cap counts. `slots`: requests at once that the host allows, 0 where it
    says nothing. `limited`: it was any limit of the account, or the host's load (429): all who use it should wait.
    """

    error: ModelError
    remedy: Remedy = ""
    wait: float | None = None
    fields: tuple[str, ...] = ()
    tokens: bool = False
    slots: int = 0
    limited: bool = False


def refusal(
    status: int, kind: str, message: str, headers: Mapping[str, str], model: str, sent: Mapping[str, object]
) -> Refusal:
    """Judge a refusal. `status` 0: an error within a stream. `sent`: the request's optional fields."""
    said = f"{kind} {message}".strip()
    quoted = f"{status or 'in the stream'}: {' '.join(message.split())[:SHOWN] or kind or 'no reason given'}"
    if _QUOTA.search(said) or status == 402:
        return Refusal(QuotaExhausted(f"The account may spend no more ({quoted}); top it up or wait."))
    if _FILTER.search(said):
        return Refusal(Filtered(f"The host's content filter stopped the answer ({quoted})."))
    if status in (400, 413, 422, 500, 0) and (_OVERFLOW.search(said) or status == 413):
        return Refusal(ContextOverflow(f"The prompt is too long for {model} ({quoted})."))
    if 300 <= status < 400:
        place = headers.get("location", "elsewhere")[:SHOWN]
        return Refusal(
            RequestRefused(f"The host redirects to {place}; the key is never sent on: set that base URL.")
        )
    if status in (401, 403):
        return Refusal(KeyRefused(_key_advice(status, said, quoted)))
    if status == 404:
        why = retirement(model)
        advice = f"{why}." if why else "Check the name with the host's model list, and the base URL."
        return Refusal(NoSuchModel(f"The host does not have '{model}' ({quoted}). {advice}"))
    if status in (0, 408, 409, 429) or status >= 500:
        error = Unreachable(f"The host could not answer ({quoted}).")
        found = _SLOTS.search(message)
        slots = int(found[1]) if found else 0
        wait = asked_wait(headers, message)
        return Refusal(error, "retry", wait=wait, tokens="TPM" in message, slots=slots, limited=status == 429)
    if _STRUCTURE.search(said):
        return Refusal(RequestRefused(f"The host refuses the history ({quoted})."), "strict")
    if fields := tuple(name for name in sent if _names(message, name)):
        return Refusal(RequestRefused(f"The host refuses a field ({quoted})."), "drop", fields=fields)
    return Refusal(RequestRefused(f"The host refuses the request ({quoted})."))


def asked_wait(headers: Mapping[str, str], message: str) -> float | None:
    """The seconds that a host asks for: `Retry-After` in seconds or as a date, else in its own words."""
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", given):
        return float(given)
    if given:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            pass
    said = _AGAIN_IN.search(message)
    return float(said.group(1)) if said else None


def backoff(attempt: int, asked: float | None, *, first: float, most: float, cap: float) -> float:
    """Seconds to wait before a new attempt (1 is the first repetition).

    What the host asks for, but not over `cap`; else doubling from `first` to `most`, with a quarter of jitter
    (kimi-code's numbers: 0.5 to 32 s).
    """
    if asked is not None:
        return min(asked, cap)
    return min(most, first * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311


def _names(message: str, field: str) -> bool:
    return re.search(rf"(?<![A-Za-z_]){re.escape(field)}(?![A-Za-z_])", message) is not None


def _key_advice(status: int, said: str, quoted: str) -> str:
    if re.search(r"only available for coding agents", said, re.IGNORECASE):
        return (
            f"Kimi Code serves only the clients on its own list, and does not take this one for one ({quoted}). "
            "Use a key of platform.kimi.ai with --base-url moonshot (moonshot-cn for platform.kimi.com)."
        )
    if status == 401:
        return (
            f"The host refuses the key ({quoted}). Keys of api.moonshot.ai and api.moonshot.cn are not "
            "interchangeable: check the key, and name the other region with --base-url moonshot-cn or moonshot."
        )
    return (
        f"The host does not let this key do this ({quoted}); check the model, the plan and the client list."
    )
