"""The definitions of a content, taken from the index where it holds this very content.

Those of the last few large contents are remembered: a megabyte of CSS takes 2 s to read, and is in no index.
"""

import contextlib
import sqlite3

from kimi_tools.index.live import index_of
from kimi_tools.store.database import Damaged, content_key
from kimi_tools.syntax import Definition, Language, definitions
from kimi_tools.workspace import Workspace

LOOKED_UP = 16_384
"""Bytes; a smaller content is parsed sooner than it is looked up."""


_REMEMBERED = 16
_recent: dict[bytes, list[Definition]] = {}


def definitions_of(
    workspace: Workspace, path: str, data: bytes, language: Language | None
) -> list[Definition]:
    """The definitions of these bytes, by line, as `syntax.definitions` gives them."""
    if language is None or len(data) < LOOKED_UP:
        return definitions(path, data)
    key = content_key(language, data)
    found = _recent.pop(key, None)
    if found is None:
        found = _stored(workspace, key) if language.indexed else None
    if found is None:
        found = definitions(path, data)
    while len(_recent) >= _REMEMBERED:
        _recent.pop(next(iter(_recent), b""), None)
    _recent[key] = found
    return found


def _stored(workspace: Workspace, key: bytes) -> list[Definition] | None:
    store = index_of(workspace).store
    with contextlib.suppress(Damaged, sqlite3.Error):
        if key in (ids := store.ids([key])):
            return store.symbols_in(ids[key])
    return None
