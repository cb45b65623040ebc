"""Reading what a run writes into its scratch directory, while it writes and afterwards.

The writer is a stranger: files are opened beneath the directory's own descriptor, regular ones only, and no
more than a bounded part of them is read.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kimi_tools.errors import ToolError
from kimi_tools.workspace import door

MAX_BYTES = 256 * 1024 * 1024
MAX_LINE = 1024 * 1024
POLL_SECONDS = 0.2


class Lines:
    """Cuts a stream into lines; a line above `MAX_LINE` bytes is dropped."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.take = take
        self.rest = b""

    def feed(self, piece: bytes) -> None:
        """The next piece of the stream."""
        *whole, self.rest = (self.rest + piece).split(b"\n")
        for line in whole:
            self.take(line)
        if len(self.rest) > MAX_LINE:
            self.rest = b""

    def end(self) -> None:
        """The stream is over: an unfinished last line counts."""
        rest, self.rest = self.rest, b""
        if rest:
            self.take(rest)


class Tail:
    """A file that grows, read from where the last look ended."""

    def __init__(self, folder: Path, name: str, lines: Lines) -> None:
        self.folder = folder
        self.name = name
        self.lines = lines
        self.position = 0

    def look(self) -> None:
        """Take what is new."""
        while self.position < MAX_BYTES:
            piece = _read(self.folder, self.name, self.position, 1024 * 1024)
            if not piece:
                return
            self.position += len(piece)
            self.lines.feed(piece)


@asynccontextmanager
async def following(tail: Tail, after_look: Callable[[], None]) -> AsyncGenerator[None]:
    """Look at the file again and again during the block, and once more after it."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            tail.look()
            after_look()

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        tail.look()
        tail.lines.end()


def read_report(folder: Path, name: str, *, limit: int = MAX_BYTES) -> bytes | None:
    """A report's bytes; None when it is not there, not a regular file, or above the limit."""
    data = _read(folder, name, 0, limit + 1)
    return data if data and len(data) <= limit else None


def _read(folder: Path, name: str, position: int, count: int) -> bytes:
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return b""
    try:
        with door.opened(root, name, os.O_RDONLY) as descriptor:
            door.require_regular(descriptor, name)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                file.seek(position)
                return file.read(count)
    except (ToolError, OSError):
        return b""
    finally:
        os.close(root)
