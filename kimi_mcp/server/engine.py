"""The SDK's server, fed by the front; it lives in a thread of its own with its own event loop."""

import asyncio
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    NotificationParams,
    PaginatedRequestParams,
    ToolAnnotations,
    jsonrpc_message_adapter,
)
from mcp.types import Tool as WireTool
from pydantic import ValidationError

from kimi_mcp.server.calls import Calls, Places
from kimi_tools.tool import Effect, Tool

INSTRUCTIONS = (
    "Tools for the repository that is open here: paths are relative to its root. "
    "Every edit can be taken back with undo; results say how to get what they leave out."
)

ANNOTATIONS: dict[Effect, ToolAnnotations] = {
    "reads": ToolAnnotations(read_only_hint=True),
    "edits": ToolAnnotations(destructive_hint=False, open_world_hint=False),
    "executes": ToolAnnotations(destructive_hint=True),
}
"""What a client may know of an effect; edits are journalled and can be undone, so they destroy nothing."""

Emit = Callable[[str, dict[str, Any]], None]


def make_server(
    tools: Sequence[Tool], places: Places, version: str, left_out: Mapping[str, str] | None = None
) -> Server[Any]:
    """The SDK's server of these tools; `left_out` says of each other tool how it would be offered."""
    calls = Calls(tools, places, left_out or {})
    listed = [declare(tool) for tool in tools]

    async def list_tools(_: ServerRequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "The list of tools has one page; leave the cursor out.")
        return ListToolsResult(tools=listed)

    async def call_tool(context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        return await calls.call(context.session, params)

    async def roots_changed(_: ServerRequestContext, params: NotificationParams) -> None:
        places.forget()

    server: Server[Any] = Server(
        "kimi-mcp",
        version=version,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.add_notification_handler("notifications/roots/list_changed", NotificationParams, roots_changed)
    return server


def declare(tool: Tool) -> WireTool:
    """A tool as MCP describes it, in as few words as possible: a client pays for them with every request.

    No output schema: with one, several clients hide the text. No title: the names are readable.
    """
    return WireTool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema(),
        annotations=ANNOTATIONS[tool.effect],
    )


class SdkEngine:
    """The thread's side of `front.Engine`."""

    def __init__(self, server: Server[Any], emit: Emit) -> None:
        self._server = server
        self._emit = emit
        self._lock = threading.Lock()
        self._early: list[tuple[str, dict[str, Any]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes: dict[str, MemoryObjectSendStream[SessionMessage | Exception]] = {}
        self._scope: anyio.CancelScope | None = None

    def feed(self, lane: str, message: dict[str, Any]) -> None:
        """Take one message, from any thread."""
        with self._lock:
            if self._loop is None:
                self._early.append((lane, message))
            else:
                self._loop.call_soon_threadsafe(self._take, lane, message)

    def stop(self) -> None:
        """Cancel everything, from any thread."""
        with self._lock:
            if self._loop is not None and self._scope is not None:
                self._loop.call_soon_threadsafe(self._scope.cancel)

    def run(self) -> None:
        """Serve until stopped."""
        anyio.run(self._serve)

    async def _serve(self) -> None:
        with anyio.CancelScope() as self._scope:
            async with anyio.create_task_group() as group:
                for lane in ("legacy", "modern"):
                    sender, receiver = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
                    self._lanes[lane] = sender
                    group.start_soon(
                        self._server.run,
                        receiver,
                        _Outlet(lane, self._emit),
                        self._server.create_initialization_options(),
                    )
                with self._lock:
                    self._loop = asyncio.get_running_loop()
                    early, self._early = self._early, []
                for lane, message in early:
                    self._take(lane, message)

    def _take(self, lane: str, message: dict[str, Any]) -> None:
        try:
            parsed = jsonrpc_message_adapter.validate_python(message, by_name=False)
        except ValidationError:
            error = {"code": INVALID_PARAMS, "message": "The message does not have the form of its kind."}
            if "method" in message and "id" in message:
                self._emit(lane, {"jsonrpc": "2.0", "id": message["id"], "error": error})
            return
        self._lanes[lane].send_nowait(SessionMessage(parsed))


class _Outlet:
    """The SDK's way out: each message goes to the front, in a thread, for a client may read slowly."""

    def __init__(self, lane: str, emit: Emit) -> None:
        self._lane = lane
        self._emit = emit
        self._one_at_a_time = anyio.CapacityLimiter(1)

    async def send(self, item: SessionMessage, /) -> None:
        message = item.message.model_dump(by_alias=True, exclude_unset=True, mode="json")
        await anyio.to_thread.run_sync(self._emit, self._lane, message, limiter=self._one_at_a_time)

    async def aclose(self) -> None:
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        return
