"""One editor served: the SDK between the pipes and the face, until the editor leaves or a signal ends us."""

import asyncio
import json
import os
import signal
import threading
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
from acp import AgentSideConnection, schema
from pydantic import ValidationError

from kimi_mcp.acp.face import DELETE, Face
from kimi_mcp.acp.greeting import LONGEST, Greeting
from kimi_mcp.stdio.signals import watch
from kimi_mcp.stdio.wire import Refused, decode

_END = b"\n\n"  # no line holds one

END_SECONDS = 6.0
"""For everything that ends in order; then the process ends as it is."""


class Pipes:
    """The SDK's transport on the two pipes: what is no message is answered with an error, and the rest goes on."""

    def __init__(self, greeting: Greeting) -> None:
        self.gone = asyncio.Event()
        """Set when the editor has left. `receive` then waits for ever: what is at work ends in its own order."""
        self._greeting = greeting
        self._came: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unanswered: set[str | int] = set()
        self._answered = asyncio.Event()
        self._asked: set[str | int] = set()
        """What the editor has not answered."""
        self._one_at_a_time = anyio.CapacityLimiter(1)
        for line in greeting.early:
            self._came.put_nowait(line)
        read = threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True)
        read.start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take lines until there are no more; in a thread, so that any kind of file will do as input."""
        with suppress(OSError, RuntimeError):  # the loop is closed: we are ending
            while piece := os.read(self._greeting.input, 65_536):
                for line in self._greeting.lines.add(piece):
                    loop.call_soon_threadsafe(self._came.put_nowait, line)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._came.put_nowait, _END)

    async def receive(self) -> dict[str, Any] | None:
        """The next message."""
        while True:
            line = await self._came.get()
            if line is _END:
                self.leave()
                continue
            if line is not None and not line.strip():
                continue
            try:
                message = decode(line, LONGEST)
            except Refused as refusal:
                error = {"code": refusal.code, "message": str(refusal)}
                await self.send({"jsonrpc": "2.0", "id": refusal.id, "error": error})
                continue
            if message.get("method") == "session/delete":
                message["method"] = f"_{DELETE}"
            id: Any = message.get("id")
            if "method" in message and id is not None:
                self._unanswered.add(id)
            elif "method" not in message:
                if not isinstance(id, str | int):
                    continue  # an answer to nothing; the SDK would stumble
                self._asked.discard(id)
            return message

    def leave(self) -> None:
        """The editor has left, or we are to: what it is asked from here on, it answers with an error at once."""
        self.gone.set()
        for id in self._asked:
            self._refuse(id)

    def _refuse(self, id: str | int) -> None:
        error = {"code": -32000, "message": "The editor has left."}
        self._came.put_nowait(json.dumps({"jsonrpc": "2.0", "id": id, "error": error}).encode())

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message; in a thread, for an editor may read slowly."""
        if "method" in message and "id" in message:
            self._asked.add(message["id"])
            if self.gone.is_set():
                self._refuse(message["id"])
                return
        await anyio.to_thread.run_sync(self._greeting.writer.send, message, limiter=self._one_at_a_time)
        if "method" not in message:
            self._unanswered.discard(message["id"])
            self._answered.set()

    async def settled(self) -> None:
        """Wait until every request that came has its answer."""
        while self._unanswered:
            self._answered.clear()
            await self._answered.wait()

    async def close(self) -> None:
        """Write nothing more."""
        self._greeting.writer.close()


async def serve(face: Face, greeting: Greeting) -> None:
    """Serve until the editor leaves, our parent dies or a signal comes; then end every turn with its best patch."""
    pipes = Pipes(greeting)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, pipes.leave)
    if (parent := watch(os.getppid())) >= 0:
        loop.add_reader(parent, pipes.leave)
    if greeting.client is not None:
        with suppress(ValidationError):
            face.greeted(schema.InitializeRequest.model_validate(greeting.client))
    connection = AgentSideConnection(face, pipes, listening=False, use_unstable_protocol=True)
    listening = asyncio.create_task(connection.listen())
    await pipes.gone.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await face.close()
            await pipes.settled()
    await pipes.close()
    listening.cancel()
