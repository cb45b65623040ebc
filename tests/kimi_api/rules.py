"""What the real endpoint refuses, refused here with its words, so that no client mistake passes unseen."""

import json
import re
from typing import Any

from tests.kimi_api.errors import ApiError, refuse
from tests.kimi_api.models import ServedModel
from tests.kimi_api.tokens import count

BODY_LIMIT = 2_097_152
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
EFFORTS = ("low", "high", "max")


def thinks(body: dict[str, Any], model: ServedModel) -> bool:
    """Whether this request has thinking on."""
    if model.thinking == "toggle":
        return (body.get("thinking") or {}).get("type", "enabled") == "enabled"
    return model.thinking in ("only", "effort")


def check(body: dict[str, Any], size: int, model: ServedModel) -> None:
    """Raise the `ApiError` that this request meets, if any."""
    if size > BODY_LIMIT:
        raise refuse(f"total message size {size} exceeds limit {BODY_LIMIT}")
    _check_messages(body)
    _check_functions(body)
    if model.fixed_sampling:
        _check_thinking(body, model)
        _check_sampling(body, thinks(body, model))
        if thinks(body, model):
            _check_reasoning(body, model)


def check_window(prompt: int, body: dict[str, Any], model: ServedModel) -> None:
    """Refuse what does not fit into the window."""
    cap = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    if prompt > model.window:
        raise refuse(f"Your request exceeded model token limit: {model.window} (requested: {prompt})")
    if prompt + cap > model.window:
        raise refuse(f"prompt tokens + max_tokens exceeds the model's context length {model.window}")


def _check_messages(body: dict[str, Any]) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("messages must not be empty")
    waiting: list[str] = []
    for position, message in enumerate(messages):
        role = message.get("role")
        if role not in ("system", "user", "assistant", "tool"):
            raise refuse(f"unknown role {role!r} at position {position}")
        if role == "tool":
            identity = message.get("tool_call_id") or ""
            if identity not in waiting:
                raise refuse(f"tool_call_id {identity} is not found")
            waiting.remove(identity)
            continue
        if waiting:
            raise _unanswered(waiting)
        if role == "assistant":
            waiting = _check_assistant(position, message)
        elif not message.get("content"):
            raise refuse(f"message at position {position} with role '{role}' must not be empty")
    if waiting:
        raise _unanswered(waiting)


def _check_assistant(position: int, message: dict[str, Any]) -> list[str]:
    calls = message.get("tool_calls") or []
    if not calls and not message.get("content") and not message.get("partial"):
        raise refuse(f"message at position {position} with role 'assistant' must not be empty")
    identities = [call.get("id") or "" for call in calls]
    if len(set(identities)) != len(identities) or "" in identities:
        raise refuse(f"tool call ids at position {position} must be unique and not empty")
    for call in calls:
        arguments = call.get("function", {}).get("arguments")
        if not isinstance(arguments, str) or not _is_object(arguments):  # chat templates read them again
            raise refuse(f"tool call arguments at position {position} must be a JSON object as a string")
    return identities


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _unanswered(waiting: list[str]) -> ApiError:
    return refuse(
        "an assistant message with 'tool_calls' must be followed by tool messages responding to each "
        f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}"
    )


def _check_functions(body: dict[str, Any]) -> None:
    seen: set[str] = set()
    for tool in body.get("tools") or []:
        function = tool.get("function") or {}
        name = function.get("name") or ""
        if not NAME.fullmatch(name):
            raise refuse(
                "function name is invalid, must start with a letter and can contain letters, numbers, "
                "underscores, and dashes"
            )
        if name in seen:
            raise refuse(f"function name {name} is duplicated")
        seen.add(name)
        _check_schema(function.get("parameters") or {"type": "object"}, "")


def _check_schema(schema: Any, path: str) -> None:
    """Moonshot's subset: no `$ref` left standing, a type on every property, no enum of mixed types."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        raise _bad_schema(path, "$ref is not supported")
    if "type" not in schema and not any(word in schema for word in ("anyOf", "oneOf", "allOf")):
        raise _bad_schema(path, "type is not defined")
    if len({type(value) for value in schema.get("enum", [])}) > 1:
        raise _bad_schema(path, "enum values have mixed types")
    for name, part in (schema.get("properties") or {}).items():
        _check_schema(part, f"{path}.properties.{name}".lstrip("."))
    if "items" in schema:
        _check_schema(schema["items"], f"{path}.items".lstrip("."))
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, []):
            _check_schema(part, f"{path}.{word}".lstrip("."))


def _bad_schema(path: str, why: str) -> ApiError:
    return refuse(
        "tools.function.parameters is not a valid moonshot flavored json schema, "
        f"details: <At path '{path}': {why}>"
    )


def _check_thinking(body: dict[str, Any], model: ServedModel) -> None:
    thinking = body.get("thinking")
    effort = body.get("reasoning_effort")
    if thinking is not None and effort is not None:
        raise refuse("thinking and reasoning_effort must not be given together")
    if model.thinking == "only" and thinking is not None and thinking.get("type") != "enabled":
        raise ApiError(
            400, "invalid_request_error", "invalid thinking: only type=enabled is allowed for this model"
        )
    if model.thinking == "effort":
        if effort is not None and effort not in EFFORTS:
            raise refuse(f"reasoning_effort must be one of {', '.join(EFFORTS)}")
        if thinking is not None and thinking.get("type") == "disabled":
            raise refuse("invalid thinking: this model always thinks")
    elif effort is not None:
        raise refuse("reasoning_effort is not supported by this model")


def _check_sampling(body: dict[str, Any], thinking: bool) -> None:
    allowed = {
        "temperature": 1.0 if thinking else 0.6,
        "top_p": 0.95,
        "n": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
    }
    for name, value in allowed.items():
        if body.get(name) is not None and body[name] != value:
            raise ApiError(
                400, "invalid_request_error", f"invalid {name}: only {value:g} is allowed for this model"
            )
    choice = body.get("tool_choice")
    if thinking and choice == "required":
        raise refuse("tool_choice 'required' is incompatible with thinking enabled")


def _check_reasoning(body: dict[str, Any], model: ServedModel) -> None:
    """Calls must carry their reasoning: in the current loop on K2.5/2.6, everywhere on K2.7 and K3."""
    messages = body["messages"]
    start = 0
    if model.thinking == "toggle":
        users = [index for index, message in enumerate(messages) if message["role"] == "user"]
        start = users[-1] if users else 0
    for index, message in enumerate(messages):
        if index > start and message.get("tool_calls") and not _has_reasoning(message):
            raise ApiError(
                400,
                "invalid_request_error",
                "thinking is enabled but reasoning_content is missing in assistant tool call message "
                f"at index {index}",
            )


def _has_reasoning(message: dict[str, Any]) -> bool:
    return message.get("reasoning_content") is not None


def image_tokens(body: dict[str, Any]) -> int:
    """Extra tokens of pictures; their base64 is not text to the model."""
    extra = 0
    for message in body.get("messages") or []:
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            if part.get("type") == "image_url":
                extra += 1024 - count(part["image_url"]["url"])
    return extra
