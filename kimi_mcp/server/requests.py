"""Which requests of the client the SDK is working on, under ids of our own. Standard library only.

Clients number their requests as they like: after a second `initialize` they may start again while an old call
still runs, and some send cancellations for calls that are long answered. With ids of our own, the SDK sees
none of that, and an answer that nobody waits for any more can be told from one that somebody does.
"""

import threading
from typing import Any

from kimi_mcp.stdio.wire import INVALID_REQUEST, Refused

MAX_IN_FLIGHT = 256
"""Requests of one client that may wait for an answer at once."""

BUSY = -32000


class Requests:
    """The running requests; used from both threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_id = 0
        self._handshakes = 0
        self._running: dict[int, tuple[str | int, str, int]] = {}  # our id: client's id, lane, handshake
        self._newest: dict[str | int, int] = {}  # client's id: our id

    def begin(self, id: str | int, lane: str) -> int:
        """An id of our own for a request. Raises `Refused` for an id that is in use, and for too many."""
        with self._lock:
            before = self._newest.get(id)
            if before is not None and self._running[before][2] == self._handshakes:
                raise Refused(INVALID_REQUEST, "A request with this id is still running.", id)
            if len(self._running) >= MAX_IN_FLIGHT:
                raise Refused(BUSY, f"{MAX_IN_FLIGHT} requests are running; wait for an answer first.", id)
            self._next_id += 1
            self._running[self._next_id] = (id, lane, self._handshakes)
            self._newest[id] = self._next_id
            return self._next_id

    def silent(self) -> int:
        """An id of our own whose answer goes nowhere."""
        with self._lock:
            self._next_id += 1
            return self._next_id

    def forget_duplicates(self) -> None:
        """A new handshake: ids that are in use may be given again; the newer request then gets the answer."""
        with self._lock:
            self._handshakes += 1

    def cancel(self, id: Any) -> tuple[int, str] | None:
        """Our id and the lane of the client's running request, which will get no answer; None if there is none."""
        if not isinstance(id, str | int) or isinstance(id, bool):
            return None
        with self._lock:
            ours = self._newest.pop(id, None)
            return None if ours is None else (ours, self._running.pop(ours)[1])

    def end(self, ours: int) -> str | int | None:
        """The client's id for an answer of the SDK; None when nobody waits for it."""
        with self._lock:
            running = self._running.pop(ours, None)
            if running is None or self._newest.get(running[0]) != ours:
                return None
            del self._newest[running[0]]
            return running[0]
