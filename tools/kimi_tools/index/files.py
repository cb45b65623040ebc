"""What is known of each file of a workspace: its state on disk, its content, its entry in the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from kimi_tools.index.coverage import Coverage


@dataclass(slots=True)
class Known:
    """One file: its state when it was read, its content's key, its entry (0: what it holds now is not yet read)."""

    state: bytes = b""
    key: bytes = b""
    blob: int = 0


class Files(dict[str, Known]):
    """The files by path. Its user locks.

    `version` rises whenever an answer may have become another, so that what is concluded can be kept with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.too_large: set[str] = set()
        self.version = 0
        self._news: dict[str, int] = {}
        self._paths: dict[int, list[str]] | None = None

    @property
    def coverage(self) -> Coverage:
        """How many files there are, are not yet read, and are too large to be read."""
        waiting = sum(1 for known in self.values() if not known.blob)
        return Coverage(len(self), waiting, len(self.too_large))

    def changed(self, path: str = "") -> None:
        """Note that answers may have changed; with `path`, that this file was read anew or has gone."""
        self._paths = None
        self.version += 1
        if path:
            self._news[path] = self.version

    def changed_since(self, version: int) -> list[str]:
        """The files that were read anew, or have gone, after a version."""
        return [path for path, changed in self._news.items() if changed > version]

    def by_entry(self) -> Mapping[int, list[str]]:
        """The files that each entry is the content of."""
        if self._paths is None:
            self._paths = {}
            for path, known in self.items():
                if known.blob:
                    self._paths.setdefault(known.blob, []).append(path)
        return self._paths

    def doubt(self, path: str) -> None:
        """What a file held is not shown until it is read again."""
        known = self[path]
        known.state = b""
        if known.blob:
            known.blob = 0
            self.changed()

    def adopt(self, path: str, known: Known) -> None:
        """Join a file with what was read of it."""
        before = self[path]
        if before.key != known.key or not before.blob:
            self.changed(path if before.key != known.key else "")
        self[path] = known

    def forget(self, path: str, *, too_large: bool = False) -> None:
        """A file has gone, or is one that holds nothing to index."""
        if too_large:
            self.too_large.add(path)
        if self.pop(path, None) is not None:
            self.changed(path)

    def forget_all(self) -> None:
        """Nothing is known any more."""
        self.clear()
        self.changed()
