"""An editor for the tests: the SDK's client over real pipes, with files, terminals and a user who answers."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, RequestError, helpers, schema, spawn_agent_process

MakeRepository = Callable[[dict[str, str | bytes]], Path]
FILES = {"a.py": "def double(x):\n    return x + 1\n", ".env": "TOKEN=secret\n"}
SECONDS = 280
"""For one test, however loaded the machine is; modules whose tests are long mark a `timeout` of 300."""
FS = schema.ClientCapabilities(fs=schema.FileSystemCapabilities(read_text_file=True, write_text_file=True))


class Editor:
    """The editor's side: keeps every update, answers permission requests with the option of kind `answer`.

    `buffers`: files with unsaved text. `mute`: terminals are never answered.
    """

    def __init__(self, answer: str = "allow_once", mute: bool = False) -> None:
        self.updates: list[Any] = []
        self.asked: list[Any] = []
        self.offered: list[Any] = []
        self.answer = answer
        self.mute = mute
        self.came = asyncio.Event()
        self.buffers: dict[str, str] = {}
        self.saved: list[str] = []
        self.terminals: dict[str, tuple[list[str], asyncio.subprocess.Process]] = {}
        self.shown: dict[str, str] = {}
        self.released: list[str] = []

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)
        self.came.set()

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **_: Any
    ) -> schema.RequestPermissionResponse:
        self.asked.append(tool_call)
        self.offered.append(options)
        option = next(o for o in options if o.kind == self.answer)
        return schema.RequestPermissionResponse(
            outcome=schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
        )

    async def read_text_file(self, path: str, session_id: str, **_: Any) -> schema.ReadTextFileResponse:
        if path in self.buffers:
            return schema.ReadTextFileResponse(content=self.buffers[path])
        if not Path(path).is_file():
            raise RequestError.resource_not_found(path)
        return schema.ReadTextFileResponse(content=Path(path).read_text())

    async def write_text_file(self, content: str, path: str, session_id: str, **_: Any) -> None:
        Path(path).write_text(content)
        self.buffers.pop(path, None)
        self.saved.append(path)

    async def create_terminal(
        self, command: str, session_id: str, args: list[str] | None = None, **_: Any
    ) -> schema.CreateTerminalResponse:
        if self.mute:
            await asyncio.Event().wait()
        line = [command, *(args or [])]
        process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        name = f"t{len(self.terminals)}"
        self.terminals[name] = (line, process)
        return schema.CreateTerminalResponse(terminal_id=name)

    async def kill_terminal(self, session_id: str, terminal_id: str, **_: Any) -> None:
        process = self.terminals[terminal_id][1]
        process.kill()
        output, _errors = await process.communicate()
        self.shown[terminal_id] = output.decode()

    async def release_terminal(self, session_id: str, terminal_id: str, **_: Any) -> None:
        self.released.append(terminal_id)

    def on_connect(self, conn: Any) -> None:
        pass

    def of(self, kind: str) -> list[Any]:
        return [update for update in self.updates if update.session_update == kind]

    def text(self, kind: str) -> str:
        return "".join(update.content.text for update in self.of(kind))

    async def until(self, kind: str, title: str = "") -> None:
        """Wait for an update of that kind, with a title that begins so."""
        while not any((getattr(update, "title", "") or "").startswith(title) for update in self.of(kind)):
            self.came.clear()
            await self.came.wait()


@asynccontextmanager
async def agent(
    editor: Editor, state: Path, url: str, can: schema.ClientCapabilities | None = None
) -> AsyncIterator[Any]:
    """`kimi-mcp acp` as a process of its own, connected to the editor."""
    environment = {
        **os.environ,
        "KIMI_MCP_STATE": str(state),
        "KIMI_MCP_CONFIG": str(state / "none.toml"),
        "KIMI_MCP_API_KEY": "test-key",
    }
    command = [sys.executable, "-m", "kimi_mcp", "acp", "--base-url", url, "--model", "kimi-k2.6"]
    async with spawn_agent_process(
        editor,  # type: ignore[arg-type]
        *command,
        env=environment,
        use_unstable_protocol=True,
    ) as (connection, _):
        await connection.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=can)
        yield connection


async def say(connection: Any, session: str, *blocks: Any) -> str:
    """One prompt; why the turn stopped."""
    said = [helpers.text_block(block) if isinstance(block, str) else block for block in blocks]
    return (await connection.prompt(session_id=session, prompt=said)).stop_reason


def run(main: Any) -> Any:
    """The result of a coroutine, which gets `SECONDS`."""

    async def bounded() -> Any:
        async with asyncio.timeout(SECONDS):
            return await main

    return asyncio.run(bounded())


def told(request: Any) -> list[str]:
    """The results that a request to the model holds."""
    return [str(m["content"]) for m in request.body["messages"] if m["role"] == "tool"]


def offered(request: Any) -> set[str]:
    """The functions that a request to the model offers."""
    return {tool["function"]["name"] for tool in request.body["tools"]}
