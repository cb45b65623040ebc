"""Cancelling, and leaving, at any moment: the prompt is answered, nothing is left running, the next prompt works."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acp import schema

from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_api.turns import Request
from tests.kimi_mcp.acp.editor import FILES, SECONDS, Editor, MakeRepository, agent, run, say

TERMINAL = schema.ClientCapabilities(terminal=True)
SLEEP = "sleep 61.{}"


class Silent(Editor):
    """A user who does not answer permission requests."""

    async def request_permission(self, *arguments: Any, **named: Any) -> Any:
        self.asked.append(arguments or named)
        self.came.set()
        await asyncio.Event().wait()

    async def until_asked(self) -> None:
        while not self.asked:
            self.came.clear()
            await self.came.wait()


class Model:
    """A model whose first answer is `turn`; an answer that is `held` comes far too late."""

    def __init__(self, turn: Turn | None, held: Callable[[Request], bool]) -> None:
        self.turn = turn
        self.held = held
        self.asked = threading.Event()

    def __call__(self, request: Request) -> Turn:
        words = str(request.body["messages"])
        if "Go on." in words:
            return Turn(text="Gladly.")
        if self.held(request):
            self.asked.set()
            return Turn(text="Too late.", delay=90)
        if self.turn is None or any(message["role"] == "tool" for message in request.body["messages"]):
            return Turn(text="Too late.")
        return self.turn


def running(mark: str) -> list[str]:
    """The processes whose command line holds a word."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if mark in line:
            found.append(line)
    return found


async def none_runs(mark: str) -> None:
    """Wait until no process is left; the test's own time limit is the bound."""
    while running(mark):
        await asyncio.sleep(0.05)


def moment(name: str, mark: str) -> tuple[Model, Editor, Any]:
    """A model that brings a turn to a moment, the editor, and what the editor can."""
    command = Turn(reasoning="Hm.", calls=(Call("run_command", {"command": SLEEP.format(mark)}),))
    helpers = Turn(reasoning="Hm.", calls=(Call("delegate", {"questions": ["What?", "Where?"]}),))
    secret = Turn(reasoning="Hm.", calls=(Call("read_file", {"path": ".env"}),))

    def of_helper(request: Request) -> bool:
        return "What?" in str(request.body["messages"][1:2]) or "Where?" in str(request.body["messages"][1:2])

    match name:
        case "thinking":
            return Model(None, lambda _: True), Editor(), None
        case "command":
            return Model(command, lambda _: False), Editor(), None
        case "terminal":
            return Model(command, lambda _: False), Editor(), TERMINAL
        case "terminal never answered":
            return Model(command, lambda _: False), Editor(mute=True), TERMINAL
        case "permission":
            return Model(secret, lambda _: False), Silent(), None
        case _:
            return Model(helpers, of_helper), Editor(), None


async def reached(name: str, mark: str, model: Model, editor: Editor) -> None:
    """Wait for the moment."""
    match name:
        case "thinking" | "helpers":
            assert await asyncio.to_thread(model.asked.wait, SECONDS)
        case "permission":
            assert isinstance(editor, Silent)
            await editor.until_asked()
        case "terminal never answered":
            await editor.until("tool_call", "run_command")
        case _:
            while not running(f"61.{mark}"):
                await asyncio.sleep(0.05)


MOMENTS = ("thinking", "command", "terminal", "terminal never answered", "permission", "helpers")


@pytest.mark.parametrize("name", MOMENTS)
def test_a_turn_can_be_cancelled_at_any_moment_and_the_next_prompt_works(
    make_repository: MakeRepository, tmp_path: Path, name: str
) -> None:
    root, mark = make_repository(FILES), str(700_000 + MOMENTS.index(name))
    model, editor, can = moment(name, mark)

    async def main(url: str) -> list[str]:
        async with agent(editor, tmp_path / "state", url, can) as connection:
            session = (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id
            await connection.set_config_option(session_id=session, config_id="thinking", value="swarm")
            turn = asyncio.create_task(say(connection, session, "Begin."))
            await reached(name, mark, model, editor)
            await connection.cancel(session_id=session)
            first = await turn
            await none_runs(f"61.{mark}")
            return [first, await say(connection, session, "Go on.")]

    with KimiApi(model) as api:
        assert run(main(api.url)) == ["cancelled", "end_turn"]
    assert "Gladly." in editor.text("agent_message_chunk")


@pytest.mark.parametrize("name", MOMENTS)
def test_an_editor_that_leaves_at_any_moment_leaves_nothing_running_and_loses_nothing(
    make_repository: MakeRepository, tmp_path: Path, name: str
) -> None:
    root, mark = make_repository(FILES), str(800_000 + MOMENTS.index(name))
    model, editor, can = moment(name, mark)

    async def main(url: str) -> str:
        async with agent(editor, tmp_path / "state", url, can) as connection:
            session = (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id
            await connection.set_config_option(session_id=session, config_id="thinking", value="swarm")
            turn = asyncio.create_task(say(connection, session, "Begin."))
            await reached(name, mark, model, editor)
        turn.cancel()
        await none_runs(f"61.{mark}")
        await none_runs(str(tmp_path / "state"))
        async with agent(Editor(), tmp_path / "state", url, can) as connection:
            await connection.load_session(cwd=str(root), session_id=session, mcp_servers=[])
            return await say(connection, session, "Go on.")

    with KimiApi(model) as api:
        assert run(main(api.url)) == "end_turn"
    events = [path.read_text() for path in (tmp_path / "state").glob("runs/*/events.jsonl")]
    assert len(events) == 1 and '"status":"cancelled"' in events[0], "the run ended in its own order"
