"""Thinking, said in each host's dialect.

Moonshot K2.5/2.6: `thinking.type` (2.6 also `keep`); K2.7: only "enabled" is allowed, so nothing is sent;
K3 and later: `reasoning_effort` alone, because the sources disagree on which of two fields wins. vLLM, SGLang
and llama.cpp pass switches to the chat template; OpenRouter has its own `reasoning` object; Ollama takes
`reasoning_effort`, with "none" for no thinking.
"""

from typing import Any, Literal

from kimi_mcp.model.profiles import Profile

Effort = Literal["", "low", "high", "max"]


def thinks(profile: Profile, wanted: bool) -> bool:
    """Whether the model reasons before it answers: some always do, some never."""
    return profile.thinking in ("always", "effort") or (profile.thinking == "toggle" and wanted)


def thinking_fields(profile: Profile, wanted: bool, effort: Effort) -> dict[str, Any]:
    """The fields of a request that switch thinking; empty where the host has no switch."""
    if profile.thinking in ("never", "always"):
        return {}
    if profile.thinking == "effort":
        return _effort_fields(profile, effort or ("high" if wanted else "low"))
    if profile.host in ("moonshot", "kimi-code"):
        keep = {"keep": "all"} if wanted and profile.keeps else {}
        return {"thinking": {"type": "enabled" if wanted else "disabled", **keep}}
    if profile.host == "openrouter":
        return {"reasoning": {"enabled": wanted}}
    if profile.host in ("vllm", "llamacpp"):
        keep = {"preserve_thinking": True} if wanted and profile.keeps else {}
        return {"chat_template_kwargs": {"thinking": wanted, **keep}}
    if profile.host == "ollama":
        return {} if wanted else {"reasoning_effort": "none"}
    # Hosts of open weights mostly run vLLM or SGLang; what they refuse is left out, and thinking is their default.
    return {} if wanted else {"chat_template_kwargs": {"thinking": False}}


def _effort_fields(profile: Profile, effort: str) -> dict[str, Any]:
    if profile.host in ("moonshot", "kimi-code"):
        return {"reasoning_effort": effort}
    if profile.host == "openrouter":
        return {"reasoning": {"effort": "high" if effort == "max" else effort}}
    if profile.host in ("vllm", "llamacpp"):
        return {"chat_template_kwargs": {"thinking": True, "thinking_effort": effort}}
    return {"reasoning_effort": effort} if profile.host == "ollama" else {}
