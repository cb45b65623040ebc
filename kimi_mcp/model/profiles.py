"""What one model at one host wants.

Sources: platform.kimi.ai (models, pricing, rate limits, July to October 2026), Moonshot's vendor verifiers
(`verify_params.py`: fixed sampling), and the stored release notes of clients for the retirements. Prices are
US dollars per million tokens. Ids are never taken for granted: `connect` asks the host what it has.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from urllib.parse import urlsplit

HostName = Literal["moonshot", "kimi-code", "openrouter", "ollama", "vllm", "llamacpp", "other"]
Thinking = Literal["never", "always", "toggle", "effort"]
"""never; always, without a switch; on or off; always, with an effort of low, high or max."""

ADDRESSES: dict[str, str] = {
    "moonshot": "https://api.moonshot.ai/v1",
    "moonshot-cn": "https://api.moonshot.cn/v1",
    "kimi-code": "https://api.kimi.com/coding/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "ollama": "http://127.0.0.1:11434/v1",
}
"""Names that may stand in the place of a base URL."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. `cached` is what the prefix cache serves."""

    prompt: float
    cached: float
    completion: float


FREE = Price(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything in which models and hosts differ.

    `cap`: tokens of one answer, reasoning included, before it is raised. `temperature`: with thinking and
    without, None where the host fixes it. `rewrite_ids`: call ids must look like `functions.name:index`.
    `cap_field`: the name of the cap in a request. `keeps`: K2.6 is asked to keep earlier reasoning.
    """

    model: str
    family: str = "unknown"
    host: HostName = "other"
    window: int = 32_768
    cap: int = 8_192
    thinking: Thinking = "never"
    keeps: bool = False
    sees: bool = False
    temperature: tuple[float, float] | None = None
    top_p: float | None = None
    price: Price | None = None
    rewrite_ids: bool = True
    cache_key: bool = False
    partial: bool = False
    cap_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    reasoning_key: str = ""
    body_limit: int = 0


_LONG = 1_048_576
_K2 = 262_144

FAMILIES: tuple[tuple[str, Profile], ...] = (
    (r"k3[.-]1.*highspeed", Profile("", "K3.1 fast", price=Price(4, 4, 20))),
    (r"k3[.-]1", Profile("", "K3.1", price=Price(2, 0.2, 10))),
    (r"k3", Profile("", "K3", price=Price(3, 0.3, 15))),
    (r"k2[.-]7", Profile("", "K2.7", thinking="always", price=Price(0.95, 0.19, 4))),
    (r"k2[.-]6", Profile("", "K2.6", thinking="toggle", keeps=True, price=Price(0.95, 0.16, 4))),
    (r"k2[.-]5", Profile("", "K2.5", thinking="toggle", price=Price(0.6, 0.1, 3))),
    (r"for-coding", Profile("", "Kimi Code", thinking="toggle")),
    (r"k2.*thinking", Profile("", "K2 Thinking", thinking="always", price=Price(0.6, 0.15, 2.5))),
    (r"k2", Profile("", "K2", price=Price(0.6, 0.15, 2.5))),
)
"""First match wins. The K3.1 fast model has no published price for cached tokens: they count in full."""

PREFERRED = ("K2.7", "K2.6", "K3.1", "K3", "Kimi Code", "K2.5", "K2 Thinking", "K2")
"""Which family is taken when no model is named: the coding model first, then by price."""

RETIRED: tuple[tuple[str, str], ...] = (
    (r"^kimi-k2\.5", "Moonshot retired it on 2026-08-31; kimi-k2.6 takes its place"),
    (r"^kimi-k2-thinking", "Moonshot retired it on 2026-05-25; kimi-k2.6 takes its place"),
    (r"^(kimi-k2-|kimi-latest|moonshot-v1)", "Moonshot has retired it; kimi-k2.6 takes its place"),
)


def retirement(model: str) -> str:
    """Why Moonshot no longer has a model, and what to take; empty where it is not known to be retired."""
    return next((why for pattern, why in RETIRED if re.match(pattern, model.lower())), "")


def profile_for(
    model: str, base_url: str, entry: Mapping[str, Any] | None = None, host: HostName | None = None
) -> Profile:
    """The profile of a model at a host. `entry`: what the host's model list says of it."""
    entry = entry or {}
    where = host or host_of(base_url, entry)
    profile = replace(_family(model), model=model, host=where)
    profile = _at_host(profile, is_loopback(base_url) and host is None)
    return _as_listed(profile, entry)


def host_of(base_url: str, entry: Mapping[str, Any]) -> HostName:
    """Which kind of host answers at an address."""
    parts = urlsplit(base_url)
    name = (parts.hostname or "").lower()
    for ending, host in (
        ("api.moonshot.ai", "moonshot"),
        ("api.moonshot.cn", "moonshot"),
        ("api.kimi.com", "kimi-code"),
        ("openrouter.ai", "openrouter"),
    ):
        if name == ending or name.endswith("." + ending):
            return cast(HostName, host)
    owner = str(entry.get("owned_by", "")).lower()
    if owner in ("vllm", "sglang"):
        return "vllm"
    if owner == "llamacpp":
        return "llamacpp"
    if parts.port == 11434 or owner == "library":
        return "ollama"
    return "other"


def is_loopback(base_url: str) -> bool:
    """Whether an address never leaves this machine."""
    name = (urlsplit(base_url).hostname or "").lower()
    return name in ("localhost", "::1") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", name))


def _family(model: str) -> Profile:
    name = model.lower()
    found = next((profile for pattern, profile in FAMILIES if re.search(pattern, name)), None)
    if found is None:
        return Profile(model)
    newest = found.family.startswith("K3")
    sees = found.family not in ("K2", "K2 Thinking")
    warm = (1.0, 1.0) if found.family == "K2 Thinking" else (0.6, 0.6) if found.family == "K2" else (1.0, 0.6)
    return replace(
        found,
        window=_LONG if newest else _K2,
        cap=65_536 if newest else 32_768,
        thinking="effort" if newest else found.thinking,
        sees=sees,
        temperature=warm,
        top_p=0.95 if sees else None,
    )


def _at_host(profile: Profile, local: bool) -> Profile:
    """Moonshot fixes the sampling of K2.5 and later; other hosts do not, so there it is sent."""
    if profile.host in ("moonshot", "kimi-code"):
        fixed = profile.family not in ("K2", "K2 Thinking")
        return replace(
            profile,
            temperature=None if fixed else profile.temperature,
            top_p=None if fixed else profile.top_p,
            price=profile.price if profile.host == "moonshot" else FREE,
            rewrite_ids=False,
            cache_key=True,
            partial=True,
            cap_field="max_completion_tokens",
            reasoning_key="reasoning_content",
            body_limit=2_097_152,
        )
    return replace(profile, price=FREE if local else None)


def _as_listed(profile: Profile, entry: Mapping[str, Any]) -> Profile:
    """What the host itself says of the model outweighs the table."""
    meta = _object(entry.get("meta"))
    for window in (entry.get("context_length"), entry.get("max_model_len"), meta.get("n_ctx")):
        if isinstance(window, int) and window > 0:
            profile = replace(profile, window=window)
            break
    if isinstance(entry.get("supports_image_in"), bool):
        profile = replace(profile, sees=entry["supports_image_in"])
    modalities = _object(entry.get("architecture")).get("input_modalities")
    if isinstance(modalities, list):
        profile = replace(profile, sees="image" in modalities)
    if price := _listed_price(_object(entry.get("pricing"))):
        profile = replace(profile, price=price)
    return replace(profile, cap=min(profile.cap, max(256, profile.window // 4)))


def _listed_price(pricing: Mapping[str, Any]) -> Price | None:
    """OpenRouter lists dollars per token, as strings."""
    try:
        prompt, completion = float(pricing["prompt"]), float(pricing["completion"])
        cached = float(pricing.get("input_cache_read") or prompt)
    except (KeyError, TypeError, ValueError):
        return None
    return Price(prompt * 1e6, cached * 1e6, completion * 1e6)


def _object(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
