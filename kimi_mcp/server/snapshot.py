"""Makes the fixed answers (`answers.json`) by asking the SDK's server."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from mcp.types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY, jsonrpc_message_adapter
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS

from kimi_mcp.server.calls import Places
from kimi_mcp.server.engine import make_server
from kimi_tools.errors import Unavailable
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace

ENVELOPE: dict[str, Any] = {
    "_meta": {PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION, CLIENT_CAPABILITIES_META_KEY: {}},
}
"""The parameters of a request of the revision without a handshake."""

TOOL_KEYS = ("name", "description", "inputSchema", "annotations")
"""What the list says of a tool, in the order in which a person reads it."""

Ask = Callable[..., Awaitable[dict[str, Any]]]


@asynccontextmanager
async def asking(server: Server[Any]) -> AsyncGenerator[Ask]:
    """A connection to a server in this process: `await ask(method, params)` gives the whole response."""
    to_server, its_input = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    its_output, from_server = anyio.create_memory_object_stream[SessionMessage](16)

    async def ask(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        await to_server.send(SessionMessage(jsonrpc_message_adapter.validate_python(message, by_name=False)))
        answer = await from_server.receive()
        return answer.message.model_dump(by_alias=True, exclude_unset=True, mode="json")

    async with anyio.create_task_group() as group:
        group.start_soon(server.run, its_input, its_output, server.create_initialization_options())
        yield ask
        group.cancel_scope.cancel()


def server_of(tools: Sequence[Tool], version: str) -> Server[Any]:
    """A server that can be asked for everything but calls."""

    def no_workspace(_: Path) -> Workspace:
        raise Unavailable("This server has no workspace.")

    return make_server(tools, Places(no_workspace, Path(), pinned=True), version)


def handshake(version: str) -> dict[str, Any]:
    """The parameters of an `initialize` request."""
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


async def make(tools: Sequence[Tool], version: str) -> dict[str, Any]:
    """The content of `answers.json` for these tools and this version of ours."""
    async with asking(server_of(tools, version)) as ask:
        initialize = (await ask("initialize", handshake(HANDSHAKE_PROTOCOL_VERSIONS[-1])))["result"]
        listed = (await ask("tools/list"))["result"]["tools"]
    async with asking(server_of(tools, version)) as ask:
        discover = (await ask("server/discover", ENVELOPE))["result"]
        modern_list = (await ask("tools/list", ENVELOPE))["result"]
    del modern_list["tools"], initialize["protocolVersion"]
    return {
        "handshake_versions": list(HANDSHAKE_PROTOCOL_VERSIONS),
        "modern_versions": list(MODERN_PROTOCOL_VERSIONS),
        "initialize": initialize,
        "discover": discover,
        "modern_list": modern_list,
        "tools": [
            {
                "toolset": tool.toolset,
                "effect": tool.effect,
                "tool": {key: shown[key] for key in TOOL_KEYS if key in shown},
            }
            for tool, shown in zip(tools, listed, strict=True)
        ],
    }
