"""The definitions of the files that were asked for last: the files of a session's questions are often the same."""

from collections.abc import Callable

from kimi_tools.syntax import Definition

_KEPT = 256


class Outlines:
    """Definitions by the key of the content that holds them, so that none is ever out of date."""

    def __init__(self) -> None:
        self._kept: dict[bytes, list[Definition]] = {}

    def of(self, key: bytes, read: Callable[[], list[Definition]]) -> list[Definition]:
        """The definitions in some content; `read` looks them up where they are not kept."""
        found = self._kept.get(key)
        if found is None:
            found = read()
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return found
