"""What a program prints, read as it arrives and kept within bounds."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from kimi_tools import redact


@dataclass(slots=True)
class HeadTail:
    """Keeps the first and the last bytes of a stream; memory is bounded however much arrives."""

    head_limit: int = 200_000
    tail_limit: int = 800_000
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    left_out: int = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece of the stream."""
        if (room := self.head_limit - len(self.head)) > 0:
            self.head += piece[:room]
            piece = piece[room:]
        self.tail += piece
        if len(self.tail) > 2 * self.tail_limit:
            self._trim()

    def _trim(self) -> None:
        surplus = max(0, len(self.tail) - self.tail_limit)
        del self.tail[:surplus]
        self.left_out += surplus

    def bytes(self) -> bytes:
        """Head and tail, with a line between them that counts what was left out."""
        self._trim()
        note = f"\n[{self.left_out:,} bytes left out]\n".encode() if self.left_out else b""
        return bytes(self.head) + note + bytes(self.tail)


class Tap:
    """A pipe that a child writes into, read by the event loop as output arrives.

    The pipe is ours and not asyncio's, because there (Python 3.11) `Process.wait` returns only when every
    pipe is closed, and a descendant that outlives the program would keep it waiting for ever.
    """

    def __init__(self, kept: HeadTail, listener: Callable[[bytes], None] | None, masked: bool) -> None:
        self.kept = kept
        self.listener = listener
        self._mask = redact.Stream(self._keep) if masked else None
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop.add_reader(self._read_end, self._take)

    def _take(self) -> None:
        try:
            piece = os.read(self._read_end, 65_536)
        except BlockingIOError:
            return
        if not piece:
            self._finish()
            return
        if self._mask is not None:
            self._mask.add(piece)
        else:
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        self.kept.add(piece)
        if self.listener is not None:
            self.listener(piece)

    def _finish(self) -> None:
        if self._read_end >= 0:
            if self._mask is not None:
                self._mask.close()
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
        if not self.ended.done():
            self.ended.set_result(None)

    def close_write_end(self) -> None:
        """Our copy of the writing end, once the child has its own."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        """Read no more."""
        self.close_write_end()
        self._finish()
