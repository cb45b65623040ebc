"""Reading the files in which projects describe themselves; what cannot be read says nothing."""

import configparser
import json
import tomllib
from typing import Any, cast


def ini_sections(text: str) -> frozenset[str]:
    """The section names of an ini file."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return frozenset()
    return frozenset(parser.sections())


def toml_table(text: str, *keys: str) -> dict[str, Any]:
    """A table of a TOML document; empty when it is not there."""
    try:
        return _table(tomllib.loads(text), keys)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def json_table(text: str, *keys: str) -> dict[str, Any]:
    """An object of a JSON document; empty when it is not there."""
    try:
        return _table(json.loads(text), keys)
    except (ValueError, RecursionError):
        return {}


def _table(document: object, keys: tuple[str, ...]) -> dict[str, Any]:
    for key in keys:
        document = cast(dict[str, Any], document).get(key) if isinstance(document, dict) else None
    return cast(dict[str, Any], document) if isinstance(document, dict) else {}
