"""A function's parameters in the subset of JSON Schema that Moonshot accepts.

No `$ref`, a `type` on every property, no enum of mixed types (platform.kimi.ai, tool use). Other hosts
accept the subset too, so it is sent to all.
"""

from collections.abc import Mapping
from typing import Any, cast

_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}
_DROPPED = frozenset({"$defs", "definitions", "$schema", "$id", "title", "discriminator"})


def flavoured(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters, with references put in place and every type named."""
    definitions: dict[str, Any] = {**parameters.get("definitions", {}), **parameters.get("$defs", {})}
    made = _part(parameters, definitions, ())
    return {**made, "type": "object", "properties": made.get("properties", {})}


def _part(schema: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(schema, Mapping):  # `true`: anything goes
        return {"type": "string"}
    schema = cast(Mapping[str, Any], schema)
    if reference := schema.get("$ref"):
        name = str(reference).rsplit("/", 1)[-1]
        if name in above or name not in definitions:  # a type that holds itself has no end to write out
            return {"type": "object"}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _part({**definitions[name], **beside}, definitions, (*above, name))
    made = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in made:
        made["enum"] = [made.pop("const")]
    for word in ("anyOf", "oneOf"):
        if word in made:
            return _choice(made, word, definitions, above)
    if isinstance(made.get("type"), list):
        made["type"] = next((kind for kind in made["type"] if kind != "null"), "string")
    if "enum" in made:
        _name_enum(made)
    if "type" not in made:
        made["type"] = "object" if "properties" in made else "array" if "items" in made else "string"
    if "properties" in made:
        made["properties"] = {
            name: _part(part, definitions, above) for name, part in made["properties"].items()
        }
    if made["type"] == "array":
        made["items"] = _part(made.get("items", True), definitions, above)
    return made


def _choice(
    made: dict[str, Any], word: str, definitions: Mapping[str, Any], above: tuple[str, ...]
) -> dict[str, Any]:
    """`X or null` becomes X; a real choice keeps its branches, and no type of its own beside them."""
    branches = [part for part in made.pop(word) if part != {"type": "null"}]
    if len(branches) == 1:
        return _part({**branches[0], **made}, definitions, above)
    made.pop("type", None)
    return {**made, "anyOf": [_part(branch, definitions, above) for branch in branches]}


def _name_enum(made: dict[str, Any]) -> None:
    values = [value for value in cast(list[object], made["enum"]) if value is not None]
    names = {_TYPES.get(type(value), "string") for value in values}
    if len(names) == 1:
        made["enum"] = values
        made.setdefault("type", names.pop())
    else:
        made["enum"] = list(dict.fromkeys(str(value) for value in values))
        made["type"] = "string"
