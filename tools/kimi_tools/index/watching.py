"""When a comparison of all times can be spared, because the kernel tells what has changed."""

import time
from collections.abc import Iterable

from kimi_tools.watch import Touched, Watch

COMPARE_SECONDS = 5.0
"""So often all times are compared even while the kernel tells of changes: it does not see everything."""


class Watching:
    """The watch on a workspace's folders, where the system can; `touched` is None when times must be compared."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._watch: Watch | None = None
        self._possible = True
        self._compared = 0.0

    def touched(self) -> set[Touched] | None:
        """What something happened to since the last look; None when that isn't known, or not for certain."""
        found = self._watch.touched() if self._watch else None
        return None if time.monotonic() > self._compared + COMPARE_SECONDS else found

    def compared(self) -> None:
        """All times have been compared."""
        self._compared = time.monotonic()

    def follow(self, folders: Iterable[str]) -> None:
        """Watch these folders too."""
        if not self._possible:
            return
        try:
            if self._watch is None:
                self._watch = Watch(self._root)
            if self._watch.add(folders):
                self._compared = 0.0  # what happened before the watch began is found by one more comparison
        except OSError:
            self.close()

    def close(self) -> None:
        """End the watch, for good."""
        self._possible = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
