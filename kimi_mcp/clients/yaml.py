"""Our own YAML file, which Continue wants: written in a plain form; later only the program's line in it changes.

No reader of YAML: it knows lines of the form `name: value`, which is what we write and what people edit there.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kimi_mcp.clients.known import PROGRAM
from kimi_tools.errors import Conflict

_COMMAND = re.compile(r"^(?:[ \t]*-)?[ \t]*command:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*-[ \t]+\w+:", re.MULTILINE)
_TOP = re.compile(r"^(\w+):", re.MULTILINE)
_HEAD: Mapping[str, Any] = {"name": "kimi", "version": "1.0.0", "schema": "v1"}


def read(text: str, keys: tuple[str, ...]) -> Any:
    """How the file's server is started, ours before others; None for a file without anything."""
    if not text.removeprefix("\ufeff").strip():
        return None
    line = _line(text)
    return {"command": _value(line[1])} if line else {}


def put(text: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    """A file without anything gets the entry; in one that has it the program is brought up to date."""
    line = _line(text)
    if line is None:
        return ("\ufeff" if text.startswith("\ufeff") else "") + _written(entry)
    if _value(line[1]) == entry["command"]:
        return text
    return text[: line.start(1)] + json.dumps(entry["command"]) + text[line.end(1) :]


def _line(text: str) -> re.Match[str] | None:
    found = list(_COMMAND.finditer(text))
    return next((line for line in found if PROGRAM in line[1]), found[0] if found else None)


def without(text: str, keys: tuple[str, ...]) -> None:
    """None: the file goes as a whole. Raises `Conflict` where something else is in it."""
    if len(_ITEM.findall(text)) > 1 or not {*_TOP.findall(text)} <= {*_HEAD, "mcpServers"}:
        raise Conflict("there is more in it than our entry; take that out by hand.")


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


def _written(entry: Mapping[str, Any]) -> str:
    """JSON is YAML, but people read these files: the entry is written in block form."""
    head = [f"{name}: {json.dumps(value)}" for name, value in _HEAD.items()]
    marks = ["  - ", *["    "] * len(entry)]
    item = [
        f"{mark}{name}: {json.dumps(value)}"
        for mark, (name, value) in zip(marks, entry.items(), strict=False)
    ]
    return "\n".join([*head, "mcpServers:", *item]) + "\n"
