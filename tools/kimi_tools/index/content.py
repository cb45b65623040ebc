"""The definitions of a content, taken from the index where it holds this very content."""

import contextlib
import sqlite3

from kimi_tools.index.live import index_of
from kimi_tools.store.database import Damaged, content_key
from kimi_tools.syntax import Definition, Language, definitions
from kimi_tools.workspace import Workspace

LOOKED_UP = 16_384
"""Bytes; a smaller content is parsed sooner than it is looked up."""


def definitions_of(
    workspace: Workspace, path: str, data: bytes, language: Language | None
) -> list[Definition]:
    """The definitions of these bytes, by line, as `syntax.definitions` gives them."""
    if language is not None and language.indexed and len(data) >= LOOKED_UP:
        store = index_of(workspace).store
        key = content_key(language, data)
        with contextlib.suppress(Damaged, sqlite3.Error):
            if key in (ids := store.ids([key])):
                return store.symbols_in(ids[key])
    return definitions(path, data)
