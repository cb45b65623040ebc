"""The rate limits of one account, kept by the driver for all workers of a batch.

A worker keeps one connection to the driver. It asks before each request to the model, waits for the word `go`, and
says what came of it. Workers are served in turn, so that one with many helpers does not push the others back. A
worker that dies closes its connection, and with it gives back what it held.

Lines of JSON both ways: the secret first, then ::

    worker: ["ask", id, tokens]                      driver: ["go", id]
    worker: ["settle", id, tokens]                   the host has counted so many
    worker: ["refused", id, seconds|null, slots]     the host refused it for its limits
    worker: ["end", id]
"""

import asyncio
import contextlib
import hmac
import itertools
import json
import secrets
import socket
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast

from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.pace import Grant, Pace

_CLOSE_SECONDS = 5.0
"""For connections to end in, when the server is left."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One connection: what it asks for, in order, and what it was granted."""

    writer: asyncio.StreamWriter
    asked: deque[tuple[int, int]] = field(default_factory=lambda: deque[tuple[int, int]]())
    granted: dict[int, Grant] = field(default_factory=lambda: dict[int, Grant]())


class LimitServer:
    """Serves a `Pace` over TCP to those who know the secret; the address is that of `host`."""

    def __init__(self, pace: Pace, host: str = "127.0.0.1") -> None:
        self.pace = pace
        self.host = host
        self.secret = secrets.token_hex(16)
        self._line: deque[_Worker] = deque()  # those that wait, the next one first
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        """`host:port`, once it serves."""
        if self._server is None:
            raise RuntimeError("The limit server is not open.")
        return f"{self.host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, self.host, 0, backlog=1024)
        except OSError as error:
            raise BatchError(
                f"The rate limiter cannot serve at {self.host}: {error.strerror}; give --limit-host an address of "
                "this machine."
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection and wait for what serves it, which else would be cancelled with a traceback."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        for writer in self._open.values():
            writer.close()
        if self._open:
            await asyncio.wait(self._open, timeout=_CLOSE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[task] = writer
        worker = _Worker(writer)
        _keep_alive(writer)
        try:
            first: Any = json.loads(await asyncio.wait_for(reader.readline(), 10))
            if not hmac.compare_digest(str(first["secret"]), self.secret):
                return
            async for line in reader:
                self._hear(worker, json.loads(line))
        except (TimeoutError, OSError, ValueError, KeyError, TypeError, IndexError):
            pass  # a stranger, or a worker whose machine is gone
        finally:
            writer.close()
            del self._open[task]
            self._forget(worker)

    def _hear(self, worker: _Worker, said: list[Any]) -> None:
        word, number = said[0], int(said[1])
        if word == "ask":
            if not worker.asked:
                self._line.append(worker)
            worker.asked.append((number, max(0, int(said[2]))))
        elif word == "end":
            if number in worker.granted:
                self.pace.end(worker.granted.pop(number))
            else:
                self._withdraw(worker, number)
        elif word == "settle":
            self.pace.settle(worker.granted[number], max(0, int(said[2])))
        elif word == "refused":
            self.pace.refuse(worker.granted[number], said[2], int(said[3]))
        self._admit()

    def _withdraw(self, worker: _Worker, number: int) -> None:
        """A worker waits no longer for one of its requests."""
        worker.asked = deque(asked for asked in worker.asked if asked[0] != number)
        if not worker.asked and worker in self._line:
            self._line.remove(worker)

    def _forget(self, worker: _Worker) -> None:
        """A worker is gone: its places are free again."""
        if worker in self._line:
            self._line.remove(worker)
        for grant in worker.granted.values():
            self.pace.end(grant)
        self._admit()

    def _admit(self) -> None:
        """Let go who may, each worker in turn; come again when time makes room."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line:
            worker = self._line[0]
            number, tokens = worker.asked[0]
            seconds = self.pace.wait(tokens)
            if seconds is None:
                return
            if seconds > 0:
                self._timer = asyncio.get_running_loop().call_later(seconds, self._admit)
                return
            self._line.popleft()
            worker.asked.popleft()
            if worker.asked:
                self._line.append(worker)
            worker.granted[number] = self.pace.go(tokens)
            worker.writer.write(_line("go", number))


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """A machine that vanishes without a word gives its places back within a minute."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _line(*words: object) -> bytes:
    return json.dumps(words).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's request under way, as `kimi_mcp.model.gate.Place`."""

    number: int
    writer: asyncio.StreamWriter

    def settle(self, tokens: int) -> None:
        """As `Place.settle`."""
        self.writer.write(_line("settle", self.number, tokens))

    def refused(self, seconds: float | None, slots: int) -> None:
        """As `Place.refused`."""
        self.writer.write(_line("refused", self.number, seconds, slots))


class SharedGate:
    """A worker's side, as `kimi_mcp.model.gate.Gate`. One connection for as long as its event loop runs."""

    def __init__(self, address: str, secret: str) -> None:
        self.address = address
        self._secret = secret
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._opening = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncGenerator[Place]:
        """Wait for the driver's `go`. Raises `BatchError` when the driver is gone."""
        writer = await self._connected()
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            writer.write(_line("ask", number, tokens))
            await waiting
            yield Place(number, writer)
        finally:
            self._waiting.pop(number, None)
            if not writer.is_closing():
                writer.write(_line("end", number))

    async def close(self) -> None:
        """Close the connection; what was granted is given back."""
        if self._writer is not None:
            self._writer.close()
        if self._listener is not None:
            await self._listener

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is None or self._writer.is_closing():
                host, _, port = self.address.rpartition(":")
                try:
                    reader, self._writer = await asyncio.open_connection(host, int(port))
                except OSError as error:
                    raise BatchError(
                        f"The driver's rate limiter at {self.address} is gone: {error.strerror}."
                    ) from None
                self._writer.write(json.dumps({"secret": self._secret}).encode() + b"\n")
                self._listener = asyncio.create_task(self._listen(reader, self._writer))
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                async for line in reader:
                    waiting = self._waiting.get(json.loads(line)[1])
                    if waiting is not None and not waiting.done():
                        waiting.set_result(None)
        finally:
            writer.close()
            gone = BatchError(f"The driver's rate limiter at {self.address} closed the connection.")
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(gone)
