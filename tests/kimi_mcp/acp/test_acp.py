"""The agent over ACP: a real client, a real process, a real repository, the simulated endpoint."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, helpers

from tests.conftest import git
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.acp.editor import FILES, Editor, MakeRepository, agent, run


def test_a_turn_streams_thoughts_plan_calls_and_a_diff(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    edit = {"path": "a.py", "old": "x + 1", "new": "x * 2"}
    turns = [
        Turn(reasoning="A plan first.", calls=(Call("update_plan", {"plan": "[>] Fix\n[ ] Test"}),)),
        Turn(reasoning="It adds.", calls=(Call("edit_file", edit),)),
        Turn(text="double now doubles."),
    ]

    async def main(url: str) -> tuple[Editor, str]:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            assert [mode.id for mode in session.modes.available_modes] == ["code", "ask", "plan"]
            answer = await connection.prompt(
                session_id=session.session_id, prompt=[helpers.text_block("Make double double.")]
            )
        return editor, answer.stop_reason

    with KimiApi(turns) as api:
        editor, reason = run(main(api.url))
    assert reason == "end_turn"
    assert (root / "a.py").read_text() == "def double(x):\n    return x * 2\n"
    assert "It adds." in editor.text("agent_thought_chunk")
    assert "double now doubles." in editor.text("agent_message_chunk")
    assert [entry.content for entry in editor.of("plan")[-1].entries] == ["Fix", "Test"]
    stage, call = editor.of("tool_call")
    assert (stage.title, stage.status) == ("Looking into the repository", "completed")
    assert (call.kind, call.locations[0].path) == ("edit", str(root / "a.py"))
    [diff] = [c for u in editor.of("tool_call_update") for c in u.content or [] if c.type == "diff"]
    assert (diff.old_text, diff.new_text) == (FILES["a.py"], "def double(x):\n    return x * 2\n")
    assert editor.of("usage_update")[-1].used > 0
    assert {command.name for command in editor.of("available_commands_update")[0].available_commands} >= {
        "fix"
    }


def test_a_session_goes_on_in_a_new_process_and_tells_its_history(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[list[Any], Editor]:
        first = Editor()
        async with agent(first, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            await connection.prompt(session_id=name, prompt=[helpers.text_block("What is a.py?")])
        second = Editor()
        async with agent(second, tmp_path / "state", url) as connection:
            listed = await connection.list_sessions(cwd=str(root))
            await connection.load_session(cwd=str(root), session_id=name, mcp_servers=[])
            await connection.prompt(session_id=name, prompt=[helpers.text_block("And now?")])
        return listed.sessions, second

    with KimiApi([Turn(text="It doubles."), Turn(text="Still so.")]) as api:
        sessions, editor = run(main(api.url))
        history = api.requests[-1].body["messages"]
    assert [session.title for session in sessions] == ["What is a.py?"]
    assert "What is a.py?" in editor.text("user_message_chunk")
    assert editor.text("agent_message_chunk") == "It doubles.Still so."
    assert [m["role"] for m in history] == ["system", "user", "assistant", "user"]


def test_two_answers_in_a_row_are_two_messages_also_when_they_are_told_again(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    def messages(editor: Editor) -> list[str]:
        told: dict[str, str] = {}
        for one in editor.updates:
            if one.session_update.endswith("_chunk"):
                assert one.message_id
            if one.session_update == "agent_message_chunk":
                told[one.message_id] = told.get(one.message_id, "") + one.content.text
        return list(told.values())

    async def main(url: str) -> tuple[list[str], list[str]]:
        first, second = Editor(), Editor()
        async with agent(first, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            for text in ("What is a.py?", "And now?"):
                await connection.prompt(session_id=name, prompt=[helpers.text_block(text)])
        async with agent(second, tmp_path / "state", url) as connection:
            await connection.load_session(cwd=str(root), session_id=name, mcp_servers=[])
        return messages(first), messages(second)

    with KimiApi([Turn(text="It doubles, as it seems."), Turn(text="Still so.")]) as api:
        live, again = run(main(api.url))
    assert live == again == ["It doubles, as it seems.", "Still so."]


def test_a_cancelled_turn_is_answered_and_the_session_goes_on(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[str, str]:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            ask = connection.prompt(session_id=name, prompt=[helpers.text_block("Run something long.")])
            turn = asyncio.create_task(ask)
            await editor.until("tool_call", "run_command")
            await connection.cancel(session_id=name)
            first = (await turn).stop_reason
            second = await connection.prompt(session_id=name, prompt=[helpers.text_block("Thanks.")])
        return first, second.stop_reason

    with KimiApi([Turn(calls=(Call("run_command", {"command": "sleep 600"}),)), Turn(text="Fine.")]) as api:
        assert run(main(api.url)) == ("cancelled", "end_turn")
        assert len(api.requests) == 2


@pytest.mark.parametrize("allow", [True, False])
def test_an_effect_beyond_the_safe_set_asks_the_user(
    make_repository: MakeRepository, tmp_path: Path, allow: bool
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> Editor:
        editor = Editor("allow_once" if allow else "reject_once")
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            await connection.prompt(session_id=session.session_id, prompt=[helpers.text_block("Read .env")])
        return editor

    with KimiApi([Turn(calls=(Call("read_file", {"path": ".env"}),)), Turn(text="So.")]) as api:
        editor = run(main(api.url))
        result = next(m for m in api.requests[-1].body["messages"] if m["role"] == "tool")["content"]
    [asked] = editor.asked
    assert ".env" in asked.title
    assert ("TOKEN" in result) == allow


def test_ask_mode_offers_nothing_that_changes(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> None:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            await connection.set_session_mode(mode_id="ask", session_id=session.session_id)
            await connection.prompt(session_id=session.session_id, prompt=[helpers.text_block("Hello")])

    with KimiApi([Turn(text="Hello.")]) as api:
        run(main(api.url))
        names = {tool["function"]["name"] for tool in api.requests[0].body["tools"]}
    assert "read_file" in names
    assert not names & {"edit_file", "write_file", "run_command", "run_tests", "reproduce"}
    assert git(root, "status", "--porcelain") == ""


def test_what_cannot_be_is_refused_and_the_connection_lives(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main() -> list[str]:
        said: list[str] = []
        async with agent(Editor(), tmp_path / "state", "http://127.0.0.1:9") as connection:
            for attempt in (
                connection.new_session(cwd="relative", mcp_servers=[]),
                connection.load_session(cwd=str(root), session_id="../../etc", mcp_servers=[]),
                connection.prompt(session_id="nobody", prompt=[]),
            ):
                with pytest.raises(RequestError) as refused:
                    await attempt
                said.append(str(refused.value))
            assert (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id
        return said

    assert len(run(main())) == 3
