"""Our entry in one settings file: put in, brought up to date, taken out, and nothing else touched."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kimi_mcp.clients import jsonc
from kimi_mcp.clients.known import Place, Server
from kimi_tools.errors import Conflict

USERS_OWN = frozenset(
    {
        "env",
        "autoApprove",
        "alwaysAllow",
        "disabled",
        "enabled",
        "timeout",
        "toolTimeoutMs",
        "trust",
        "cwd",
        "required",
    }
)
"""Fields of our entry that a user may have changed; an update leaves them as they are."""


_MARK = "\ufeff"
"""Some editors on Windows begin a file with it; TOML's readers here do not take it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a file is and what it would become. `after` is None where the file would be deleted."""

    path: Path
    before: str | None
    after: str | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after


def added(places: Sequence[Place], path: Path, server: Server) -> Edit:
    """One file with our entries in all its places, new or brought up to date.

    Raises `Conflict` for a file that cannot be read as what it should be.
    """
    before = _read(path)
    return Edit(path, before, _all_set(places, path, before or "", server))


def removed(places: Sequence[Place], path: Path, backup: str | None, server: Server) -> Edit:
    """The file without our entries; byte for byte what it was where nothing else has changed since.

    `backup`: the file as it was before our entry came, where that is known.
    """
    before = _read(path)
    if before is None:
        return Edit(path, None, None)
    if backup is not None and _all_set(places, path, backup, server) == before:
        return Edit(path, before, backup)
    if places[0].form == "yaml" or _all_set(places, path, "", server) == before:
        return Edit(path, before, None)
    after = before
    for place in places:
        with _naming(path):
            if place.form == "toml":
                mark = _MARK if after.startswith(_MARK) else ""
                after = mark + _toml_remove(after.removeprefix(_MARK), place.keys)
            else:
                after = jsonc.remove_member(after, place.keys)
    return Edit(path, before, after)


def _all_set(places: Sequence[Place], path: Path, text: str, server: Server) -> str:
    with _naming(path):
        for place in places:
            text = _set(place, text, server)
    return text


def _set(place: Place, text: str, server: Server) -> str:
    wanted = place.entry(server)
    if place.form == "yaml":
        return _yaml(wanted)
    if place.form == "toml":
        mark = _MARK if text.startswith(_MARK) else ""
        return mark + _toml_set(text.removeprefix(_MARK), place.keys, wanted)
    old = _at(jsonc.read(text), place.keys)
    merged = _merged(old, wanted)
    return text if old == merged else jsonc.set_member(text, place.keys, merged)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Say in which file something is wrong."""
    try:
        yield
    except Conflict as error:
        raise Conflict(f"{path}: {error}") from None


def _merged(old: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(old, dict):
        return dict(wanted)
    mine = cast(dict[str, Any], old)
    kept = {key: value for key, value in mine.items() if key in USERS_OWN or key not in wanted}
    return {**mine, **wanted, **kept}


def _at(data: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = cast(dict[str, Any], data).get(key)
    return data


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Conflict(f"{path} cannot be read as text: {error}.") from None


def _toml_set(text: str, keys: tuple[str, ...], wanted: Mapping[str, Any]) -> str:
    """tomlkit keeps comments, order and line ends; a new table goes to the end as text of its own."""
    document = _toml(text)
    old = _at(document.unwrap(), keys)
    merged = _merged(old, wanted)
    if old == merged:
        return text
    if old is None:
        newline = "\r\n" if "\r\n" in text else "\n"
        lines = [f"[{'.'.join(keys)}]", *(f"{key} = {json.dumps(value)}" for key, value in merged.items())]
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        return f"{text}{gap}{newline.join(lines)}{newline}"
    table: Any = document
    for key in keys:
        table = table[key]
    for key, value in merged.items():
        if table.get(key) != value:
            table[key] = value
    return document.as_string()


def _toml_remove(text: str, keys: tuple[str, ...]) -> str:
    document = _toml(text)
    if _at(document.unwrap(), keys) is None:
        return text
    table: Any = document
    for key in keys[:-1]:
        table = table[key]
    del table[keys[-1]]
    return document.as_string()


def _toml(text: str) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise Conflict(f"this is not TOML ({error}); correct the file by hand.") from None


def _yaml(wanted: Mapping[str, Any]) -> str:
    """JSON is YAML, but people read these files: our own entry is written in block form."""
    lines: list[str] = []
    for key, value in wanted.items():
        if not isinstance(value, list):
            lines.append(f"{key}: {json.dumps(value)}")
            continue
        lines.append(f"{key}:")
        for item in cast(list[dict[str, Any]], value):
            marks = ["  - ", *["    "] * len(item)]
            lines += [
                f"{mark}{name}: {json.dumps(inner)}"
                for mark, (name, inner) in zip(marks, item.items(), strict=False)
            ]
    return "\n".join(lines) + "\n"
