"""One call of a tool: where it runs, what it says meanwhile, and what the client gets to read."""

import difflib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult, ListRootsRequest, ListRootsResult, TextContent

from kimi_tools.clip import clip
from kimi_tools.errors import ToolError
from kimi_tools.progress import Progress, reporting_to
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace

log = logging.getLogger(__name__)

MAX_RUNNING = 16
"""Calls that run at once; more wait for their turn."""

PROGRESS_SECONDS = 0.5
"""Between two progress notifications."""

HEARTBEAT_SECONDS = 10.0
"""A call that says nothing is reported this often: some clients count their time-out from the last report."""

ROOTS_SECONDS = 2.0
"""What a client that declared roots gets to name them in."""


class Places:
    """Which workspace a call runs in.

    `open` opens a root and raises `ToolError` for one that must not be served. `root`: where the server was
    started. `pinned`: the user named it, so the client is not asked.
    """

    def __init__(self, open: Callable[[Path], Workspace], root: Path, *, pinned: bool) -> None:
        self._open = open
        self._root = root
        self._pinned = pinned
        self._chosen: Workspace | None = None
        self._workspaces: dict[Path, Workspace] = {}
        self._asking = anyio.Lock()

    def forget(self) -> None:
        """Ask the client for its roots again before the next call."""
        self._chosen = None

    async def workspace(self, session: ServerSession) -> Workspace:
        """The workspace for a call of this client. Raises `ToolError`."""
        async with self._asking:
            if self._chosen is None:
                self._chosen = self._first_good(await self._candidates(session))
            return self._chosen

    async def _candidates(self, session: ServerSession) -> list[Path]:
        """The client's roots, those around the current directory first; else our own."""
        capabilities = session.client_capabilities
        if self._pinned or capabilities is None or capabilities.roots is None or not session.can_send_request:
            return [self._root]
        try:
            listed = await session.send_request(ListRootsRequest(), ListRootsResult, ROOTS_SECONDS)
        except MCPError as error:
            log.info("the client did not name its roots: %s", error)
            return [self._root]
        roots = [path for root in listed.roots if (path := local_path(str(root.uri))) and path.is_dir()]
        return sorted(roots, key=lambda path: not self._root.is_relative_to(path)) or [self._root]

    def _first_good(self, candidates: list[Path]) -> Workspace:
        for candidate in candidates[:-1]:
            try:
                return self._at(candidate)
            except ToolError:
                continue
        return self._at(candidates[-1])

    def _at(self, root: Path) -> Workspace:
        if root not in self._workspaces:
            self._workspaces[root] = self._open(root)
        return self._workspaces[root]


def local_path(uri: str) -> Path | None:
    """The path of a `file://` address on this machine, or None."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    return Path(unquote(parts.path))


class Calls:
    """The tools of one server, callable by name."""

    def __init__(self, tools: Sequence[Tool], places: Places) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._places = places
        self._turns = anyio.CapacityLimiter(MAX_RUNNING)

    async def call(self, session: ServerSession, params: CallToolRequestParams) -> CallToolResult:
        """Run one call to its end. Whatever fails, the client gets one sentence, marked as an error."""
        wants_progress = params.meta is not None and "progress_token" in params.meta
        try:
            tool = self._find(params.name)
            async with self._turns:
                workspace = await self._places.workspace(session)
                with reporting_to(reporter := Reporter()):
                    async with anyio.create_task_group() as group:
                        if wants_progress:
                            group.start_soon(reporter.pass_on, session, tool.name)
                        result = await tool(workspace, params.arguments or {})
                        group.cancel_scope.cancel()
                return _said(result.text, workspace.result_chars)
        except* ToolError as errors:
            return _said(str(errors.exceptions[0]), is_error=True)
        except* Exception as errors:
            log.error("%s failed", params.name, exc_info=errors)
            kind = type(errors.exceptions[0]).__name__
            return _said(f"{params.name} failed: a bug ({kind}).", is_error=True)

    def _find(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        near = difflib.get_close_matches(name, self._tools, n=3) or list(self._tools)
        raise ToolError(f"There is no tool '{clip(name, 100)}' here; there is {', '.join(near)}.")
