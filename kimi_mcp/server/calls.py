"""One call of a tool: where it runs, what it says meanwhile, and what the client gets to read."""

import asyncio
import contextlib
import difflib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult, ListRootsRequest, ListRootsResult, TextContent

from kimi_mcp.server.asking import asking_client
from kimi_tools.clip import RESULT_CHARS, clip, clip_line
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
        self._asking = asyncio.Lock()

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
    """The tools of one server, callable by name.

    `left_out` says for the name of a tool that is not offered here how it can be.
    """

    def __init__(self, tools: Sequence[Tool], places: Places, left_out: Mapping[str, str]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._left_out = left_out
        self._places = places
        self._turns = asyncio.Semaphore(MAX_RUNNING)
        self._works: set[asyncio.Task[CallToolResult]] = set()

    async def call(self, session: ServerSession, params: CallToolRequestParams) -> CallToolResult:
        """Run one call to its end. Whatever fails, the client gets one sentence, marked as an error.

        The work has a task of its own, which a cancelled call cancels once: it can still put things in order,
        which it could not inside the SDK's scope, where every further await is cancelled, too.
        """
        work = asyncio.create_task(self._work(session, params))
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def _work(self, session: ServerSession, params: CallToolRequestParams) -> CallToolResult:
        try:
            tool = self._find(params.name)
            async with self._turns:
                workspace = await self._places.workspace(session)
                wants_progress = params.meta is not None and "progress_token" in params.meta
                async with reported(session, tool.name) if wants_progress else contextlib.nullcontext():
                    with asking_client(session):
                        result = await tool(workspace, params.arguments or {})
            return _said(result.text, limit=workspace.result_chars)
        except ToolError as error:
            return _said(str(error), is_error=True)
        except Exception as error:
            log.exception("%s failed", params.name)
            kind = type(error).__name__
            return _said(
                f"{params.name} failed for a reason of its own ({kind}); it is logged.", is_error=True
            )

    def _find(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        if name in self._left_out:
            raise ToolError(f"The tool '{name}' is not offered here: {self._left_out[name]}.")
        near = difflib.get_close_matches(name[:100], self._tools, n=3) or list(self._tools)
        raise ToolError(f"There is no tool '{clip_line(name, 100)}' here; there is {', '.join(near)}.")


def _said(text: str, *, limit: int = RESULT_CHARS, is_error: bool = False) -> CallToolResult:
    """A result of one text: within its limit, and without the half characters that JSON cannot carry."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return CallToolResult(content=[TextContent(type="text", text=clip(whole, limit))], is_error=is_error)


@contextlib.asynccontextmanager
async def reported(session: ServerSession, name: str) -> AsyncGenerator[None]:
    """Send what the tools inside report to the client, not more often than it can use, and a sign of life."""
    loop = asyncio.get_running_loop()
    news: list[Progress] = []
    arrived = asyncio.Event()

    def listen(progress: Progress) -> None:  # in whatever thread the tool works
        news[:] = [progress]
        if not arrived.is_set():
            loop.call_soon_threadsafe(arrived.set)

    passing_on = asyncio.create_task(_pass_on(session, name, news, arrived))
    try:
        with reporting_to(listen):
            yield
    finally:
        passing_on.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await passing_on


async def _pass_on(session: ServerSession, name: str, news: list[Progress], arrived: asyncio.Event) -> None:
    started = time.monotonic()
    last = 0.0
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await arrived.wait()
        quiet = Progress(f"{name} has been running for {time.monotonic() - started:.0f} s")
        progress = news[0] if arrived.is_set() else quiet
        arrived.clear()
        # The number must grow with every notification, also where the tool counts nothing or counts again.
        counted = progress.done is not None and progress.done > last
        last = progress.done if counted and progress.done is not None else last + 1
        await session.report_progress(last, progress.total if counted else None, progress.message)
        await asyncio.sleep(PROGRESS_SECONDS)
