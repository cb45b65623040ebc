"""Our entry in one settings file: put in, brought up to date, taken out, and nothing else touched."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kimi_mcp.clients import jsonc, toml, toml_list, yaml
from kimi_mcp.clients.known import PROGRAM, Form, Place, Server
from kimi_tools.errors import Conflict


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

    `backup`: the file as it was before it was first written to, where that is known.
    """
    before = _read(path)
    if before is None or not any(_has(place, path, before) for place in places):
        return Edit(path, before, before)
    if (
        backup is not None
        and not any(_has(place, path, backup) for place in places)
        and _all_set(places, path, backup, server) == before
    ):
        return Edit(path, before, backup)
    if _all_set(places, path, "", server) == before:
        return Edit(path, before, None)
    after: str | None = before
    for place in places:
        if after is not None and _has(place, path, after):
            with _naming(path):
                after = _FORMS[place.form].without(after, place.keys)
    return Edit(path, before, after)


def _has(place: Place, path: Path, text: str) -> bool:
    """Whether our entry is there; another server of the same name is not ours."""
    with _naming(path):
        return _is_ours(_FORMS[place.form].read(text, place.keys))


def _is_ours(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    mine = cast(dict[str, Any], entry)
    line = json.dumps([mine.get("command"), mine.get("args")])
    return PROGRAM in line or PROGRAM.replace("-", "_") in line


def _all_set(places: Sequence[Place], path: Path, text: str, server: Server) -> str:
    with _naming(path):
        for place in places:
            text = _set(place, text, server)
    return text


def _set(place: Place, text: str, server: Server) -> str:
    form = _FORMS[place.form]
    old = form.read(text, place.keys)
    if old is not None and not _is_ours(old):
        name = f"'{'.'.join(place.keys)}'" if place.keys else "what is in it"
        raise Conflict(f"{name} is another server, not ours; give it another name first.")
    merged = _merged(old, place.entry(server))
    return text if old == merged else form.set(text, place.keys, merged)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Say in which file something is wrong."""
    try:
        yield
    except Conflict as error:
        raise Conflict(f"{path}: {error}") from None


def _merged(old: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with what it lacks and the program where it is now; what is there else is the user's own."""
    if not isinstance(old, dict):
        return dict(wanted)
    mine = cast(dict[str, Any], old)
    return {**mine, **{key: value for key, value in wanted.items() if key not in mine}, **_line(mine, wanted)}


def _line(mine: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """How our program is started: the user's flags stay where they follow `serve` or `acp`; so does another starter."""
    if PROGRAM not in json.dumps(mine.get("command")):  # `uvx kimi-mcp`, `python -m kimi_mcp`
        return {}
    if isinstance(wanted["command"], list):  # opencode has all in one
        return {"command": _flags(mine.get("command"), cast(list[str], wanted["command"]), 1)}
    return {"command": wanted["command"], "args": _flags(mine.get("args"), wanted["args"], 0)}


def _flags(mine: Any, wanted: list[str], at: int) -> list[str]:
    if isinstance(mine, list) and cast(list[Any], mine)[at : at + 1] == wanted[at : at + 1]:
        return [*wanted[:at], *cast(list[str], mine)[at:]]
    return wanted


def _at(data: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = cast(dict[str, Any], data).get(key)
    return data


def _read(path: Path) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Conflict(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Conflict(f"{path}: line {line} is not UTF-8; save the file as UTF-8.") from None


@dataclass(frozen=True, slots=True)
class _Form:
    """A kind of file: our entry as it stands there (None: it does not), put there, and taken out."""

    read: Callable[[str, tuple[str, ...]], Any]
    set: Callable[[str, tuple[str, ...], Mapping[str, Any]], str]
    without: Callable[[str, tuple[str, ...]], str | None]


def _json_read(text: str, keys: tuple[str, ...]) -> Any:
    return _at(jsonc.read(text), keys)


def _json_set(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    """A new entry as a whole; of one that is there, the fields that differ."""
    old = _json_read(text, keys)
    if old is None:
        return jsonc.set_member(text, keys, entry)
    for name, value in entry.items():
        if name not in old or old[name] != value:
            text = jsonc.set_member(text, (*keys, name), value)
    return text


_FORMS: Mapping[Form, _Form] = {
    "json": _Form(_json_read, _json_set, jsonc.remove_member),
    "toml": _Form(toml.read, toml.put, toml.without),
    "toml list": _Form(toml_list.read, toml_list.put, toml_list.without),
    "yaml": _Form(yaml.read, yaml.put, yaml.without),
}
