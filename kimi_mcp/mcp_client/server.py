"""One MCP server that is not ours: started when it is needed, asked, ended.

It runs outside the sandbox, as a program that the user's editor was told to use. It gets the few variables that
the MCP SDK hands down (PATH, HOME and the like) and those that the editor names, so never a key of ours.
"""

import asyncio
import os
from collections.abc import Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from kimi_tools.errors import Unavailable

START_SECONDS = 20.0
CALL_SECONDS = 120.0
MOST_TOOLS = 64
"""Of one server: every declaration costs tokens in each request."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server on stdin and stdout."""

    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A server that answers HTTP (streamable)."""

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


@dataclass(frozen=True, slots=True)
class Declared:
    """One tool as the server declares it."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: its text, and whether the server says that it failed."""

    text: str
    failed: bool


class Server:
    """One server. All its life is one task, because the SDK's connections belong to the task that opens them."""

    def __init__(self, name: str, where: Program | Address) -> None:
        self.name = name
        self.where = where
        self._session: Any = None
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[list[Declared]] | None = None
        self._closing = asyncio.Event()

    async def tools(self) -> list[Declared]:
        """What it offers; started for that. Raises `Unavailable` with the reason in one sentence."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(self._ready))
        return await asyncio.shield(self._ready)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Call one tool. Raises `Unavailable` when it is gone, does not answer, or refuses the call."""
        await self.tools()
        if self._task is None or self._task.done():
            raise Unavailable(f"The MCP server '{self.name}' has ended; work without it.")
        call = asyncio.create_task(self._called(name, dict(arguments)))
        await asyncio.wait({call, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not call.done():
            call.cancel()
            raise Unavailable(f"The MCP server '{self.name}' ended during the call.")
        return call.result()

    async def close(self) -> None:
        """End it."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=5)
            self._task.cancel()

    async def _called(self, name: str, arguments: dict[str, Any]) -> Answer:
        from mcp.shared.exceptions import MCPError

        try:
            result = await self._session.call_tool(name, arguments, read_timeout_seconds=CALL_SECONDS)
        except MCPError as error:
            raise Unavailable(f"The MCP server '{self.name}' refused {name}: {error}.") from None
        return Answer(_text(result), bool(result.is_error))

    async def _live(self, ready: asyncio.Future[list[Declared]]) -> None:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(START_SECONDS):
                    self._session = await self._connected(stack)
                    await self._session.initialize()
                    listed = await self._session.list_tools()
                ready.set_result(
                    [Declared(one.name, one.description or "", one.input_schema) for one in listed.tools]
                )
                await self._closing.wait()
        except (Exception, asyncio.CancelledError) as error:
            if ready.done():
                return
            why = "it did not answer in time" if isinstance(error, TimeoutError) else _reason(error)
            ready.set_exception(Unavailable(f"The MCP server '{self.name}' cannot be used: {why}."))
            ready.exception()  # told to whoever asks; nobody may

    async def _connected(self, stack: AsyncExitStack) -> Any:
        from mcp import ClientSession, StdioServerParameters, stdio_client

        if isinstance(self.where, Program):
            parameters = StdioServerParameters(
                command=self.where.command,
                args=list(self.where.arguments),
                env=dict(self.where.environment),
                cwd=self.where.directory or None,
            )
            streams = await stack.enter_async_context(
                stdio_client(parameters, errlog=stack.enter_context(_unheard()))
            )
        else:
            from httpx2 import AsyncClient, Timeout
            from mcp.client.streamable_http import streamable_http_client

            waits = Timeout(START_SECONDS, read=CALL_SECONDS)
            client = AsyncClient(headers=dict(self.where.headers), timeout=waits)
            await stack.enter_async_context(client)
            streams = await stack.enter_async_context(
                streamable_http_client(self.where.url, http_client=client)
            )
        return await stack.enter_async_context(ClientSession(streams[0], streams[1]))


@contextmanager
def _unheard() -> Generator[TextIO]:
    """Where what a server says on standard error goes: our own belongs to the editor's log."""
    with Path(os.devnull).open("w") as file:
        yield file


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    words = " ".join(str(error).split()).rstrip(".")[:300]
    return words or type(error).__name__


def _text(result: Any) -> str:
    """The text of a result; what is no text is named."""
    parts = [
        block.text
        if block.type == "text"
        else _resource(block)
        if block.type == "resource"
        else f"[{block.type}]"
        for block in result.content
    ]
    if not parts and result.structured_content is not None:
        return str(result.structured_content)
    return "\n".join(parts)


def _resource(block: Any) -> str:
    return str(getattr(block.resource, "text", f"[{block.resource.uri}]"))
