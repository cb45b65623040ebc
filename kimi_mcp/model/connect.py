"""From a host's address and a model's name to a model that answers.

The host is asked what it has (`GET /models`); names are never taken for granted, because they are retired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from kimi_mcp.model.client import KimiModel
from kimi_mcp.model.errors import NoSuchModel, RequestRefused
from kimi_mcp.model.profiles import ADDRESSES, PREFERRED, HostName, Profile, profile_for, retirement
from kimi_mcp.model.thinking import Effort
from kimi_mcp.model.transport import Failed, Limits, Transport


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a model.

    `host`: an address, or a name of `profiles.ADDRESSES`. `model`: "" takes the best that the host has.
    `kind`: the kind of host, where its address doesn't tell (a proxy before Moonshot). `window`: tokens, for
    a host that doesn't say. `session`: names the prefix cache; runs that share a prefix share it.
    """

    host: str = "moonshot"
    model: str = ""
    key: SecretStr | None = None
    kind: HostName | None = None
    thinking: bool = True
    effort: Effort = ""
    window: int = 0
    session: str = ""
    allow_http: bool = False
    limits: Limits = field(default_factory=Limits)


def address(host: str) -> str:
    """The base URL that a host's name stands for."""
    return ADDRESSES.get(host, host).rstrip("/")


async def connect(connection: Connection) -> KimiModel:
    """Ask the host for its models and return the one that was named, or the best one.

    Raises `NoSuchModel` (with what there is, and why a retired one is gone), `KeyRefused`, `Unreachable`,
    `RequestRefused` for an unsafe address.
    """
    base_url = address(connection.host)
    transport = Transport(base_url, connection.key, connection.limits, allow_http=connection.allow_http)
    try:
        entries = await _listed(transport, connection.model)
        profile = _chosen(entries, base_url, connection)
    except BaseException:
        await transport.close()
        raise
    if connection.window:
        profile = replace(profile, window=connection.window, cap=min(profile.cap, connection.window // 4))
    return KimiModel(
        profile,
        transport,
        connection.limits,
        thinking=connection.thinking,
        effort=connection.effort,
        session=connection.session,
    )


async def _listed(transport: Transport, model: str) -> list[Mapping[str, Any]]:
    """What the host has; empty where it keeps no list. A passing fault is tried a second time."""
    for last in (False, True):
        try:
            return await transport.models(model)
        except Failed as failed:
            if isinstance(failed.refusal.error, NoSuchModel | RequestRefused):
                return []
            if last or failed.refusal.remedy != "retry" or failed.connecting:
                raise failed.refusal.error from None
    return []


def _chosen(entries: Sequence[Mapping[str, Any]], base_url: str, connection: Connection) -> Profile:
    by_id = {str(entry.get("id", "")): entry for entry in entries}
    model = connection.model
    if model and (model in by_id or not by_id):
        return profile_for(model, base_url, by_id.get(model), connection.kind)
    if model:
        same = [name for name in by_id if _plain(name) == _plain(model)]
        if len(same) == 1:
            return profile_for(same[0], base_url, by_id[same[0]], connection.kind)
        raise NoSuchModel(_missing(model, base_url, list(by_id)))
    if not by_id:
        raise NoSuchModel(f"{urlsplit(base_url).hostname} lists no models; name one.")
    return _best([profile_for(name, base_url, entry, connection.kind) for name, entry in by_id.items()])


def _best(profiles: Sequence[Profile]) -> Profile:
    def rank(profile: Profile) -> tuple[int, int, str]:
        known = PREFERRED.index(profile.family) if profile.family in PREFERRED else len(PREFERRED)
        return known, len(profile.model), profile.model  # the plain name before its fast variant

    return min(profiles, key=rank)


def _missing(model: str, base_url: str, names: Sequence[str]) -> str:
    why = retirement(model)
    kimi = [name for name in names if "kimi" in name.lower()] or list(names)
    offered = ", ".join(sorted(kimi)[:12])
    return (
        f"{urlsplit(base_url).hostname} does not have '{model}'. "
        + (f"{why}. " if why else "")
        + f"It has: {offered}."
    )


def _plain(name: str) -> str:
    """A name without vendor and tag: `moonshotai/Kimi-K2:latest` and `kimi-k2` are one model."""
    return name.lower().rsplit("/", 1)[-1].removesuffix(":latest")
