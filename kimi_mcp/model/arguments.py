"""A call's arguments: read, repaired where there is one reading only, checked against what was offered.

A repair must not lose, add or move a letter: a truncated file body that is silently closed would be written
to disk. What cannot be read for sure goes back to the model with one short sentence.
"""

import ast
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from kimi_mcp.model.messages import Function

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_DEPTH = 64
"""Nesting at which arguments are refused; a deeper one is noise, and Python's parsers recurse."""


class Unreadable(Exception):
    """The arguments have no sure reading; the text is the sentence for the model."""


def read_arguments(raw: str, function: Function, *, cut: bool = False) -> tuple[dict[str, Any], bool]:
    """The arguments of a call, and whether they had to be repaired. Raises `Unreadable`.

    `cut`: the answer reached its token limit, so broken JSON is an end that is missing.
    """
    arguments, repaired = parsed(raw, cut=cut)
    if problems := _problems(arguments, function):
        arguments, changed = _coerced(arguments, function.parameters)
        repaired = repaired or changed
        problems = _problems(arguments, function) if changed else problems
        if problems:
            raise Unreadable(f"{function.name}: {_sentence(problems[0], function)} Send the call again.")
    return arguments, repaired


def parsed(raw: str, *, cut: bool = False) -> tuple[dict[str, Any], bool]:
    """The object that a text says, and whether it had to be repaired. Raises `Unreadable`."""
    text = raw.strip()
    if not text:
        return {}, False
    if _depth(text) > MAX_DEPTH:
        raise Unreadable(f"The arguments are nested more than {MAX_DEPTH} deep; send a plain JSON object.")
    value, repaired = _loaded(text, cut=cut)
    if isinstance(value, str):  # an object that was written as a string
        value, repaired = _loaded(value.strip())[0], True
    if isinstance(value, dict):
        return _whole(cast(dict[str, Any], value)), repaired
    if value is not None:
        raise Unreadable("The arguments must be one JSON object. Send the call again.")
    if cut:
        raise Unreadable(
            f"The call was cut off after {len(raw)} characters, at the limit of one answer. "
            "Make it shorter: write a large file in several calls."
        )
    raise Unreadable(f"The arguments are not JSON: {_json_error(text)}. Send the call again.")


def _whole(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse half characters (lone surrogates): no file and no message can hold them."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable("The arguments hold half of a surrogate pair; write the character itself.") from None
    return value


def _loaded(given: str, *, cut: bool = False) -> tuple[Any, bool]:
    """A JSON value and whether it was repaired; None where there is no sure reading."""
    text = re.sub(r"\A```(?:json)?\s*\n(.*)\n```\Z", r"\1", given, flags=re.DOTALL)
    try:
        return json.loads(text), text != given
    except ValueError:
        pass
    try:  # raw line breaks within strings are the commonest mistake, and have one reading
        return json.loads(text, strict=False), True
    except ValueError:
        pass
    try:  # Python's own spelling: single quotes, True, None
        value = ast.literal_eval(text)
        if isinstance(value, dict) and all(isinstance(key, str) for key in cast(dict[Any, Any], value)):
            return json.loads(json.dumps(value)), True
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    return (None if cut else _repaired(text)), True


def _repaired(text: str) -> dict[str, Any] | None:
    """What the json-repair library makes of it, if nothing but punctuation outside of strings changed."""
    import json_repair

    if not text.startswith("{") or not text.endswith(("}", "]", '"')) or _ends_in_string(text):
        return None
    try:
        value = json_repair.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    written = json.dumps(value, ensure_ascii=False)
    sure = (
        _letters(text) == _letters(written)
        and text.count('\\"') == _inner_quotes(value)
        and text.count('""') >= written.count('""')  # no value was made up
    )
    return value if sure else None


def _letters(text: str) -> str:
    return re.sub(r"[\s{}\[\]:,\"'\\]", "", text)


def _inner_quotes(value: Any) -> int:
    if isinstance(value, str):
        return value.count('"')
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        return sum(_inner_quotes(key) + _inner_quotes(part) for key, part in items)
    return sum(_inner_quotes(part) for part in cast(list[Any], value)) if isinstance(value, list) else 0


def _ends_in_string(text: str) -> bool:
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2 == 1


def _depth(text: str) -> int:
    """The nesting that brackets outside of strings reach."""
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", outside):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _json_error(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - 20) : error.pos + 20]
        return f"{error.msg[0].lower()}{error.msg[1:]} at character {error.pos}, near {around!r}"
    except (ValueError, RecursionError) as error:
        return str(error)[:100]
    return "no sure reading"


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _problems(arguments: Mapping[str, Any], function: Function) -> list["ValidationError"]:
    validator = _validator(json.dumps(function.parameters))
    return sorted(
        validator.iter_errors(arguments), key=lambda error: (list(map(str, error.path)), error.validator)
    )  # type: ignore[arg-type]


def _sentence(error: "ValidationError", function: Function) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    names = ", ".join(function.parameters.get("properties", {}))
    value = repr(error.instance)
    shown = value if len(value) <= 60 else f"{value[:57]}…"
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]  # type: ignore[union-attr]
            return f"the argument `{missing[0]}` is missing."
        case "additionalProperties":
            known = error.schema.get("properties", {})  # type: ignore[union-attr]
            unknown = [name for name in error.instance if name not in known]  # type: ignore[union-attr]
            return f"there is no argument `{unknown[0]}`; there are: {names}."
        case "type":
            return f"`{where}` must be {error.validator_value}, not {shown}."
        case "enum":
            allowed = ", ".join(str(item) for item in error.validator_value)  # type: ignore[union-attr]
            return f"`{where}` must be one of {allowed}; it is {shown}."
        case _:
            return f"`{where}`: {error.message[:160]}."


def _coerced(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Values of the wrong kind that have one reading in the right one: "5" for an integer, and the like."""
    properties = cast(Mapping[str, Any], schema.get("properties", {}))
    required = schema.get("required", ())
    made: dict[str, Any] = {}
    for name, value in arguments.items():
        part = properties.get(name)
        kind = cast(Mapping[str, Any], part).get("type") if isinstance(part, Mapping) else None
        if value is None and kind not in ("null", None) and name not in required:
            continue
        made[name] = _as_kind(value, kind)
    return made, made != dict(arguments) or len(made) != len(arguments)


def _as_kind(value: Any, kind: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if kind == "integer" and re.fullmatch(r"-?\d{1,18}", text):
            return int(text)
        if kind == "number" and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text):
            return float(text)
        if kind == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("array", "object"):
            opened, made = ("[", list) if kind == "array" else ("{", dict)
            loaded = _loaded(text)[0] if text.startswith(opened) else None
            if isinstance(loaded, made):
                return cast(Any, loaded)
            return [value] if kind == "array" and not text.startswith("[") and text else value
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and kind == "string":
        return str(value)
    return value
