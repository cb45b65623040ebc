"""Our item in a list of tables of a TOML file, found by its `name`; all the rest is kept as in `toml`."""

from collections.abc import Mapping
from typing import Any, cast

from kimi_mcp.clients.toml import MARK, appended, document, values
from kimi_tools.errors import Conflict


def read(text: str, keys: tuple[str, ...]) -> Any:
    """The item of the list `keys[0]` that is named `keys[1]`, without its name; None where there is none."""
    found = next((item for item in _items(values(text), keys[0]) if item.get("name") == keys[1]), None)
    return found and {name: value for name, value in found.items() if name != "name"}


def put(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    """The text with the entry as that item: a new table at the end, or the fields of one that is there.

    Raises `Conflict` where `keys[0]` is no list of tables.
    """
    mark = MARK if text.startswith(MARK) else ""
    bare = text.removeprefix(MARK)
    item = {"name": keys[1], **entry}
    for attempt in (_appended, _within) if read(text, keys) is None else (_within,):
        changed = mark + attempt(bare, keys, item)
        if _is_only_ours(text, changed, keys, item):
            return changed
    raise Conflict(f"'{keys[0]}' is no list of tables; correct the file by hand.")


def without(text: str, keys: tuple[str, ...]) -> str:
    """The text without that item; the same when absent."""
    if read(text, keys) is None:
        return text
    whole = document(text.removeprefix(MARK))
    items = whole[keys[0]]
    del items[next(at for at, item in enumerate(items) if _name(item) == keys[1])]
    return (MARK if text.startswith(MARK) else "") + whole.as_string()


def _items(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items: Any = found.get(key)
    listed = cast(list[Any], items) if isinstance(items, list) else []
    return [cast(dict[str, Any], item) for item in listed if isinstance(item, dict)]


def _appended(text: str, keys: tuple[str, ...], item: Mapping[str, Any]) -> str:
    return appended(text, f"[[{keys[0]}]]", item)


def _within(text: str, keys: tuple[str, ...], item: Mapping[str, Any]) -> str:
    """In a list that is written inline, as Vibe itself writes it; or the fields of the item that is there."""
    import tomlkit

    whole = document(text)
    listed: Any = whole.get(keys[0])
    if not isinstance(listed, list):
        return text
    items = cast(list[dict[str, Any]], listed)
    ours: Any = next((one for one in items if _name(one) == keys[1]), None)
    if ours is None:
        ours = tomlkit.inline_table()
        items.append(ours)
        ours = items[-1]
    for name, value in item.items():
        if ours.get(name) != value:
            ours[name] = value
    return cast(str, whole.as_string())


def _name(item: Any) -> Any:
    return cast(dict[str, Any], item).get("name") if isinstance(item, dict) else None


def _is_only_ours(before: str, after: str, keys: tuple[str, ...], item: Mapping[str, Any]) -> bool:
    try:
        wanted, found = values(before), values(after)
    except Conflict:
        return False
    others = [one for one in _items(wanted, keys[0]) if one.get("name") != keys[1]]
    theirs = [one for one in _items(found, keys[0]) if one.get("name") != keys[1]]
    ours = [one for one in _items(found, keys[0]) if one.get("name") == keys[1]]
    return ours == [dict(item)] and others == theirs and {**wanted, keys[0]: 0} == {**found, keys[0]: 0}
