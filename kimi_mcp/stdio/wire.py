"""The two pipes to the client: taken away from everybody else, then read and written a line at a time.

Nothing but protocol may reach standard output: one stray line makes Cline end the server. So the
descriptors are moved before anything else is imported; what is left in their place is the null device for
input and standard error for output, for our own prints and for children alike.

Standard library only.
"""

import fcntl
import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, cast

MAX_FRAME = 16 * 1024 * 1024
"""Bytes of one message of MCP. A longer line is thrown away as it arrives and answered with an error."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602


class Refused(Exception):
    """A line that is no message. `code` and the text are for the JSON-RPC error, `id` is its request's."""

    def __init__(self, code: int, message: str, id: str | int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id


def claim() -> tuple[int, int]:
    """Take standard input and output away from the process; returns their private descriptors."""
    private_in = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    private_out = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without standard error
        os.dup2(null, 1)
        os.dup2(null, 2)
    os.close(null)
    sys.stdout = sys.stderr
    return private_in, private_out


class Writer:
    """Writes whole messages, from any thread. After `close`, or when the client has left, it drops them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._open = True

    def send(self, message: dict[str, Any]) -> None:
        """Write one message. Escaped to ASCII, so that no text can break the line or the encoding."""
        data = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        with self._lock:
            try:
                while data and self._open:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                self._open = False

    def close(self) -> None:
        """Write nothing more."""
        self._open = False


class Lines:
    """Cuts a stream of bytes into lines of at most `longest` bytes; holds no more than one of them."""

    def __init__(self, longest: int = MAX_FRAME) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._skipping = False

    def add(self, piece: bytes) -> Iterator[bytes | None]:
        """The lines that `piece` completes; None for one that was too long."""
        while (end := piece.find(b"\n")) >= 0:
            if self._skipping:
                self._skipping = False
            else:
                self._rest += piece[:end]
                yield bytes(self._rest) if len(self._rest) <= self._longest else None
            self._rest.clear()
            piece = piece[end + 1 :]
        if self._skipping:
            return
        self._rest += piece
        if len(self._rest) > self._longest:
            self._rest = bytearray()
            self._skipping = True
            yield None


def decode(line: bytes | None, longest: int = MAX_FRAME) -> dict[str, Any]:
    """The message of one line. Raises `Refused` for what JSON-RPC 2.0, as MCP and ACP use it, does not allow."""
    if line is None:
        raise Refused(INVALID_REQUEST, f"A message of more than {longest:,} bytes is refused.")
    try:
        message: Any = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(PARSE_ERROR, f"The line is not JSON in UTF-8: {type(error).__name__}.") from None
    if not isinstance(message, dict):
        what = "Batches are not supported" if isinstance(message, list) else "A message is a JSON object"
        raise Refused(INVALID_REQUEST, f"{what}; send one JSON object on a line.")
    checked = cast(dict[str, Any], message)
    id = checked.get("id")
    known = id if isinstance(id, str | int) and not isinstance(id, bool) else None
    if checked.get("jsonrpc") != "2.0":
        raise Refused(INVALID_REQUEST, "'jsonrpc' must be \"2.0\".", known)
    if "id" in checked and known is None and ("method" in checked or "result" in checked):
        raise Refused(INVALID_REQUEST, "'id' must be a string or an integer.")
    if "method" not in checked:
        if "result" not in checked and "error" not in checked:
            raise Refused(INVALID_REQUEST, "A message has a method, a result or an error.", known)
        return checked
    if not isinstance(checked["method"], str):
        raise Refused(INVALID_REQUEST, "'method' must be a string.", known)
    if not isinstance(checked.get("params", {}), dict):
        raise Refused(INVALID_PARAMS, "'params' must be an object.", known)
    return checked


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
