"""The editor's terminals, for showing what a command prints while it runs.

The command itself runs here, in the sandbox, and nowhere else: a terminal of the editor is outside it. What runs
in the terminal is `tail`, on a file that only we write, with escape sequences taken out.
"""

import asyncio
import copy
import os
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from acp import RequestError
from acp.interfaces import Client

from kimi_mcp.agent.toolbox import current_call
from kimi_tools.clip import plain
from kimi_tools.tool import Params, Result, Tool
from kimi_tools.workspace import Workspace

SECONDS = 5.0
"""For one answer of the editor; some never answer (CodeCompanion). After that its terminals are left alone."""

OUTPUT_BYTES = 200_000


@dataclass(slots=True)
class Terminals:
    """One session's terminals. `shown`: which terminal shows which call; the call's updates name it."""

    client: Client
    session: str
    offered: bool
    shown: dict[str, str] = field(default_factory=lambda: dict[str, str]())

    def dress(self, tool: Tool) -> Tool:
        """The tool, with what its commands print shown live."""
        if not self.offered or tool.name not in ("run_command", "run_tests", "reproduce"):
            return tool

        async def run(workspace: Workspace, params: Params) -> Result:
            if not self.offered:
                return await tool.run(workspace, params)
            with tempfile.NamedTemporaryFile(prefix="kimi-mcp-", suffix=".log") as file:
                async with self._following(Path(file.name)) as terminal:
                    if terminal:
                        self.shown[current_call.get()] = terminal
                        workspace = copy.copy(workspace)
                        workspace.watch = _writer(file)
                    return await tool.run(workspace, params)

        return replace(tool, run=run)

    @asynccontextmanager
    async def _following(self, path: Path) -> AsyncGenerator[str]:
        terminal = await self._create(path)
        try:
            yield terminal
        finally:
            if terminal:
                await asyncio.shield(self._release(terminal))

    async def _create(self, path: Path) -> str:
        follow = ["-n", "+1", "-f", *([f"--pid={os.getpid()}"] if sys.platform == "linux" else [])]
        try:
            async with asyncio.timeout(SECONDS):
                made = await self.client.create_terminal(
                    command="tail",
                    args=[*follow, str(path)],
                    session_id=self.session,
                    output_byte_limit=OUTPUT_BYTES,
                )
        except (TimeoutError, RequestError):
            self.offered = False
            return ""
        return made.terminal_id

    async def _release(self, terminal: str) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        with suppress(TimeoutError, RequestError):
            async with asyncio.timeout(SECONDS):
                await self.client.kill_terminal(session_id=self.session, terminal_id=terminal)
                await self.client.release_terminal(session_id=self.session, terminal_id=terminal)


SETTLE_SECONDS = 0.3
"""`tail` looks at the file again within this time where it cannot be woken (inotify); then it has shown all."""


def _writer(file: IO[bytes]):
    def write(piece: bytes) -> None:
        with suppress(OSError, ValueError):
            file.write(plain(piece.decode("utf-8", "replace")).encode())
            file.flush()

    return write
