"""Our table in a TOML file: comments, order and line ends of all the rest are kept."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from kimi_tools.errors import Conflict

MARK = "\ufeff"
"""Some editors on Windows begin a file with it; readers of TOML do not take it."""


def read(text: str, keys: tuple[str, ...]) -> Any:
    """What stands at `keys`; None where nothing does. Raises `Conflict` with the line of what is no TOML."""
    found: Any = values(text)
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = cast(dict[str, Any], found).get(key)
    return found


def put(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    """The text with `entry` at `keys`: a new table at the end, or the fields of one that is there.

    Raises `Conflict` where the way there is no table.
    """
    mark = MARK if text.startswith(MARK) else ""
    bare = text.removeprefix(MARK)
    old = read(text, keys)
    attempts = (_appended, _within) if old is None else (_within,)
    for attempt in attempts:
        changed = mark + attempt(bare, keys, entry)
        if _is_only_ours(text, changed, keys, entry):
            return changed
    raise Conflict(f"'{'.'.join(keys[:-1])}' is no table that can be added to; correct the file by hand.")


def without(text: str, keys: tuple[str, ...]) -> str:
    """The text without the table at `keys`; the same when absent."""
    if read(text, keys) is None:
        return text
    mark = MARK if text.startswith(MARK) else ""
    whole = document(text.removeprefix(MARK))
    table: Any = whole
    for key in keys[:-1]:
        table = table[key]
    del table[keys[-1]]
    return mark + whole.as_string()


def appended(text: str, header: str, entry: Mapping[str, Any]) -> str:
    """The text with a table at its end; one whose values are strings, numbers, booleans and lists of these."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [header, *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())]
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return f"{text}{gap}{newline.join(lines)}{newline}"


def _appended(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    return appended(text, f"[{'.'.join(keys)}]", entry)


def _within(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    """Where the parent is written inline no table can follow; a table that is there is brought up to date."""
    import tomlkit

    whole = document(text)
    table: Any = whole
    try:
        for key in keys[:-1]:
            table = table[key]
        if keys[-1] not in table:
            table[keys[-1]] = tomlkit.inline_table()
        ours = table[keys[-1]]
        for name, value in entry.items():
            if ours.get(name) != value:
                ours[name] = value
    except (TypeError, ValueError, KeyError, AttributeError):  # a number, a list: something else stands there
        return text
    return cast(str, whole.as_string())


def _is_only_ours(before: str, after: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> bool:
    """Whether a strict reader finds our entry in the changed text, and all the rest as it was."""
    try:
        wanted, found = values(before), values(after)
    except Conflict:
        return False
    here: dict[str, Any] = wanted
    for key in keys[:-1]:
        inner = here.setdefault(key, {})
        if not isinstance(inner, dict):
            return False
        here = cast(dict[str, Any], inner)
    here[keys[-1]] = dict(entry)
    return found == wanted


def values(text: str) -> dict[str, Any]:
    """What a strict reader finds. Raises `Conflict` with the line of what is no TOML."""
    try:
        return tomllib.loads(text.removeprefix(MARK))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Conflict(f"this is not TOML ({error}); correct the file by hand.") from None


def document(text: str) -> Any:
    """The text, without its mark, as something that can be changed and keeps its form."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise Conflict(f"this is not TOML ({error}); correct the file by hand.") from None
