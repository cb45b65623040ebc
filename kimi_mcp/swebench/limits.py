"""The rate limits of one account, kept by the driver for all workers of a batch.

A worker opens a connection for each request to the model, waits for the word `go`, and closes the connection when
the request is over. A worker that dies closes it too, so no place is ever lost.
"""

import asyncio
import contextlib
import hmac
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast

from kimi_mcp.swebench.errors import BatchError

WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class Pace:
    """Who may go when: at most so many requests at once, and so many requests and tokens per minute; 0 is no limit."""

    concurrency: int = 0
    requests: int = 0
    tokens: int = 0
    now: Callable[[], float] = time.monotonic
    running: int = 0
    spent: deque[tuple[float, int]] = field(default_factory=lambda: deque[tuple[float, int]]())
    spent_tokens: int = 0

    def wait(self, tokens: int) -> float | None:
        """Seconds until a request of so many tokens may go; 0 is now, None when only an ended request makes room."""
        moment = self.now()
        while self.spent and self.spent[0][0] <= moment - WINDOW_SECONDS:
            self.spent_tokens -= self.spent.popleft()[1]
        if self.concurrency and self.running >= self.concurrency:
            return None
        if self.requests and len(self.spent) >= self.requests:
            return self.spent[len(self.spent) - self.requests][0] + WINDOW_SECONDS - moment
        if self.tokens and self.spent and self.spent_tokens + tokens > self.tokens:
            return self.spent[0][0] + WINDOW_SECONDS - moment
        return 0.0

    def go(self, tokens: int) -> None:
        """A request goes."""
        self.running += 1
        self.spent.append((self.now(), tokens))
        self.spent_tokens += tokens


_CLOSE_SECONDS = 5.0
"""For connections to end in, when the server is left."""


class LimitServer:
    """Serves a `Pace` over TCP, first come first served, to those who know the secret."""

    def __init__(self, pace: Pace, host: str = "127.0.0.1") -> None:
        self.pace = pace
        self.host = host
        self.secret = secrets.token_hex(16)
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        """`host:port`, once it serves."""
        if self._server is None:
            raise RuntimeError("The limit server is not open.")
        return f"{self.host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection and wait for what serves it, which else would be cancelled with a traceback."""
        if self._server is not None:
            self._server.close()
        for writer in self._open.values():
            writer.close()
        if self._open:
            await asyncio.wait(self._open, timeout=_CLOSE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[task] = writer
        try:
            tokens = self._asked(await asyncio.wait_for(reader.readline(), 10))
            if tokens is None:
                return
            gone = asyncio.create_task(reader.read())  # ends when the worker closes, or dies
            if not await self._admitted(tokens, gone):
                return
            try:
                writer.write(b"go\n")
                await writer.drain()
                await gone
            finally:
                self.pace.running -= 1
                self._ended.set()
        except (TimeoutError, ConnectionError, ValueError, AttributeError):
            pass
        finally:
            writer.close()
            del self._open[task]

    def _asked(self, line: bytes) -> int | None:
        asked = cast(dict[str, Any], json.loads(line))
        if not hmac.compare_digest(str(asked.get("secret")), self.secret):
            return None
        return max(0, int(asked["tokens"]))

    async def _admitted(self, tokens: int, gone: "asyncio.Task[bytes]") -> bool:
        """Wait for this request's turn; False when its worker went away first."""
        async with self._turn:
            while not gone.done():
                seconds = self.pace.wait(tokens)
                if seconds is not None and seconds <= 0:
                    self.pace.go(tokens)
                    return True
                self._ended.clear()
                ended = asyncio.create_task(self._ended.wait())
                await asyncio.wait({ended, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
        return False


@dataclass(frozen=True, slots=True)
class SharedGate:
    """A worker's side, as `kimi_mcp.model.gate.Gate`."""

    address: str
    secret: str

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncGenerator[None]:
        """Wait for the driver's `go`. Raises `BatchError` when the driver is gone."""
        host, _, port = self.address.rpartition(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            raise BatchError(
                f"The driver's rate limiter at {self.address} is gone: {error.strerror}."
            ) from None
        said = b""
        try:
            writer.write(json.dumps({"secret": self.secret, "tokens": tokens}).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                said = await reader.readline()
            if said != b"go\n":
                raise BatchError(f"The driver's rate limiter at {self.address} closed the connection.")
            yield
        finally:
            writer.close()
