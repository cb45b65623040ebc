"""A session as this process has it open, and everything that it may order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from acp import schema
from acp.interfaces import Client
from pydantic import SecretStr

from kimi_mcp.acp.buffers import Buffers
from kimi_mcp.acp.store import Stored
from kimi_mcp.acp.terminal import Terminals
from kimi_mcp.agent.events import Mode, Protocol
from kimi_mcp.agent.watch import Inbox
from kimi_mcp.mcp_client.server import Address, Program, Server
from kimi_mcp.model.messages import Image
from kimi_tools import redact

if TYPE_CHECKING:  # a session is opened before the agent is imported
    from kimi_mcp.runs.request import Request

END_SECONDS = 5.0
"""For a turn to end with its best patch when its session is closed."""

_SECRET_NAME = ("KEY", "TOKEN", "SECRET", "PASS", "AUTH")


class Order(Interface):
    """Makes a run's order from what a turn says and the user's settings."""

    def __call__(
        self,
        text: str,
        images: tuple[Image, ...],
        root: Path,
        *,
        protocol: Protocol,
        mode: Mode,
        model: str,
        read_only: bool,
    ) -> "Request":
        """The order; an empty `model` means that of the settings."""
        ...


@dataclass(frozen=True, slots=True)
class Ordering:
    """What the command line gives: how a run is ordered, where state is kept, the key, the settings' model.

    `key` raises `ModelError` when there is none.
    """

    state: Path
    order: Order
    key: Callable[[], SecretStr | None]
    model: str = ""


@dataclass(slots=True)
class Session:
    """One open session."""

    stored: Stored
    buffers: Buffers
    terminals: Terminals
    servers: Sequence[Server] = ()
    inbox: Inbox = field(default_factory=Inbox)
    turn: asyncio.Task[Any] | None = None
    """The turn under way."""
    lasting: set[str] = field(default_factory=lambda: set[str]())
    """What the user has allowed until the session is closed."""
    stopping: bool = False
    at_work: bool = False
    """Whether the turn's run hears its inbox; before that (servers start, the host is reached) it does not."""

    def stop(self, reason: str = "") -> None:
        """End the turn under way, whatever it is doing."""
        self.stopping = True
        self.inbox.stop(*filter(None, [reason]))
        if self.turn and not self.at_work:
            self.turn.cancel()

    async def close(self) -> None:
        """End the turn, with its best patch, and the MCP servers."""
        self.stop("The session was closed.")
        if self.turn:
            await asyncio.wait({self.turn}, timeout=END_SECONDS)
        await asyncio.gather(*(server.close() for server in self.servers))


def opened(stored: Stored, client: Client, can: schema.ClientCapabilities | None, servers: Any) -> Session:
    """A session for a client with what that client can. Raises `ValueError` for a server of an unknown kind."""
    files = can.fs if can else None
    return Session(
        stored,
        Buffers(
            client,
            stored.id,
            reads=bool(files and files.read_text_file),
            writes=bool(files and files.write_text_file),
        ),
        Terminals(client, stored.id, offered=bool(can and can.terminal)),
        tuple(_server(server, stored.cwd) for server in servers or () if not _ours(server)),
    )


def _ours(given: Any) -> bool:
    """Whether an editor passes us our own tools, as `setup zed` entered them: the agent has them already."""
    command = getattr(given, "command", "")
    return Path(command).stem == "kimi-mcp" and "serve" in (given.args or ())


def _server(given: Any, cwd: Path) -> Server:
    match given:
        case schema.McpServerStdio():
            environment = {variable.name: variable.value for variable in given.env or ()}
            _remember(environment)
            return Server(given.name, Program(given.command, tuple(given.args or ()), environment, str(cwd)))
        case schema.HttpMcpServer():
            headers = {header.name: header.value for header in given.headers or ()}
            _remember(headers)
            return Server(given.name, Address(given.url, headers))
        case _:
            raise ValueError(f"'{given.name}': MCP servers over stdio and http are supported")


def _remember(values: dict[str, str]) -> None:
    """Secrets that the editor names for a server are masked wherever they turn up."""
    for name, value in values.items():
        if any(part in name.upper() for part in _SECRET_NAME):
            redact.know(value)
