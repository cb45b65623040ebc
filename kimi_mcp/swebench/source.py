"""The bytes of what a user names: a file, or a pipe, which can be read only once."""

import os
import select
import stat
from functools import cache
from pathlib import Path

from kimi_mcp.swebench.errors import BadInstances

QUIET_SECONDS = 30.0
"""How long a pipe may say nothing before it is given up."""


def data(path: Path) -> bytes:
    """All bytes of a file or pipe. Raises `BadInstances` for what cannot be read, or never says anything."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            return path.read_bytes()
        if not stat.S_ISFIFO(mode):
            raise BadInstances(f"{path} is a device; name a file, or a pipe that something writes to.")
        return _piped(path)
    except OSError as error:
        raise BadInstances(f"{path} cannot be read: {error.strerror}.") from None


@cache
def _piped(path: Path) -> bytes:
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else opening waits for a writer
    with open(pipe, "rb", buffering=0) as source:
        waiting = select.poll()
        waiting.register(source, select.POLLIN)
        pieces: list[bytes] = []
        while waiting.poll(QUIET_SECONDS * 1000):
            if not (piece := source.read(1 << 20)):
                return b"".join(pieces)
            pieces.append(piece)
    raise BadInstances(
        f"{path} is a pipe to which nobody wrote for {QUIET_SECONDS:.0f} s; start its writer, or name a file."
    )
