"""The models that the endpoint serves, with the rules that each one enforces."""

from dataclasses import dataclass
from typing import Any, Literal

Flavour = Literal["moonshot", "openrouter", "vllm", "ollama"]


@dataclass(frozen=True)
class ServedModel:
    """One model. `thinking`: none, toggle (K2.6), only (K2.7), effort (K3).

    `truncates`: tokens to which the host cuts a prompt without a word (Ollama's context length); 0 for never.
    """

    id: str
    window: int = 262_144
    thinking: Literal["none", "toggle", "only", "effort"] = "toggle"
    sees: bool = True
    fixed_sampling: bool = True
    truncates: int = 0


MODELS = (
    ServedModel("kimi-k2.6"),
    ServedModel("kimi-k2.7-code", thinking="only"),
    ServedModel("kimi-k3", window=1_048_576, thinking="effort"),
    ServedModel("kimi-k3.1-pro", window=1_048_576, thinking="effort"),
)

OPEN_WEIGHTS = {
    "openrouter": (ServedModel("moonshotai/kimi-k2.6", fixed_sampling=False),),
    "vllm": (ServedModel("moonshotai/Kimi-K2-Thinking", thinking="none", sees=False, fixed_sampling=False),),
    "ollama": (ServedModel("kimi-k2:latest", thinking="none", sees=False, fixed_sampling=False),),
}

REASONING_KEYS = {
    "moonshot": "reasoning_content",
    "openrouter": "reasoning_details",
    "vllm": "reasoning",
    "ollama": "reasoning",
}


def listed(model: ServedModel, flavour: Flavour) -> dict[str, Any]:
    """The model's entry in `/v1/models`, in the host's own shape."""
    entry: dict[str, Any] = {"id": model.id, "object": "model", "created": 1_780_000_000}
    if flavour == "moonshot":
        entry |= {
            "owned_by": "moonshot",
            "context_length": model.window,
            "supports_image_in": model.sees,
            "supports_video_in": False,
            "supports_reasoning": model.thinking != "none",
        }
    elif flavour == "openrouter":
        entry |= {
            "context_length": model.window,
            "architecture": {"input_modalities": ["text", "image"] if model.sees else ["text"]},
            "pricing": {"prompt": "0.00000095", "completion": "0.000004", "input_cache_read": "0.00000016"},
            "supported_parameters": ["reasoning", "tools", "temperature"],
        }
    elif flavour == "vllm":
        entry |= {"owned_by": "vllm", "max_model_len": model.window}
    return entry
