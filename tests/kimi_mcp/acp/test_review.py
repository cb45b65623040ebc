"""What an editor needs to review a run: its patch and evidence as data, files left alone until then, steering."""

import asyncio
import threading
from pathlib import Path

import pytest
from acp import RequestError, helpers

from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_api.turns import Request
from tests.kimi_mcp.acp.editor import FILES, SECONDS, Editor, MakeRepository, agent, run
from tests.kimi_mcp.agent.conftest import BUGGY, REPRODUCE

pytestmark = pytest.mark.timeout(300)


def test_a_fix_in_a_private_copy_leaves_the_files_alone_and_is_told_for_review(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    before = (root / "calc.py").read_text()
    edit = {"path": "calc.py", "old": "a - b", "new": "a + b"}
    turns = [
        Turn(calls=(Call("reproduce", {"command": REPRODUCE}),)),
        Turn(calls=(Call("edit_file", edit),)),
        Turn(calls=(Call("reproduce", {"command": REPRODUCE}),)),
        Turn(calls=(Call("run_tests"),)),
        Turn(calls=(Call("submit", {"summary": "It adds now."}),), times=2),
    ]

    async def main(url: str) -> tuple[Editor, Editor]:
        editor, later = Editor(), Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            await connection.set_config_option(session_id=name, config_id="place", value="copy")
            await connection.prompt(session_id=name, prompt=[helpers.text_block("/fix add subtracts")])
        async with agent(later, tmp_path / "state", url) as connection:
            await connection.load_session(cwd=str(root), session_id=name, mcp_servers=[])
        return editor, later

    with KimiApi(turns) as api:
        live, loaded = run(main(api.url))
    assert (root / "calc.py").read_text() == before
    begun = [update.tool_call_id for update in live.of("tool_call")]
    assert "Copying the repository" in [update.title for update in live.of("tool_call")]
    assert {update.tool_call_id for update in live.of("tool_call_update")} <= set(begun)
    [told] = [u.field_meta["kimi-mcp"] for u in live.of("session_info_update") if u.field_meta]
    [again] = [u.field_meta["kimi-mcp"] for u in loaded.of("session_info_update") if u.field_meta]
    assert again == told
    assert loaded.text("user_message_chunk") == "add subtracts"
    [file] = told["files"]
    assert (file["path"], file["status"], file["before"]) == ("calc.py", "modified", before)
    assert file["after"] == before.replace("a - b", "a + b")
    assert [(one["before"], one["exit_code"] == 0) for one in told["reproductions"]] == [
        (True, False),
        (False, True),
    ]
    assert (told["outcome"]["status"], told["verified"], told["inPlace"]) == ("submitted", True, False)
    [diff] = [c for u in live.of("tool_call_update") for c in u.content or [] if c.type == "diff"]
    assert (diff.path, diff.old_text) == (str(root / "calc.py"), before)


def test_a_turn_under_way_can_be_steered(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository(FILES)
    asked, steered = threading.Event(), threading.Event()

    def held(request: Request) -> Turn:
        """The first answer waits until the turn has been steered."""
        asked.set()
        assert steered.wait(SECONDS)
        first = not any(message["role"] == "tool" for message in request.body["messages"])
        return Turn(calls=(Call("read_file", {"path": "a.py"}),)) if first else Turn(text="Understood.")

    async def main(url: str) -> None:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            with pytest.raises(RequestError):
                await connection.ext_method("kimi-mcp/steer", {"sessionId": name, "text": "Too early."})
            turn = asyncio.create_task(
                connection.prompt(session_id=name, prompt=[helpers.text_block("Read it.")])
            )
            assert await asyncio.to_thread(asked.wait, SECONDS)
            await connection.ext_method("kimi-mcp/steer", {"sessionId": name, "text": "Mind the tabs."})
            steered.set()
            await turn

    with KimiApi(held) as api:
        run(main(api.url))
        history = api.requests[-1].body["messages"]
    assert any(m["role"] == "user" and "Mind the tabs." in str(m["content"]) for m in history)


def test_a_session_is_deleted_with_its_runs(make_repository: MakeRepository, tmp_path: Path) -> None:
    root, state = make_repository(FILES), tmp_path / "state"

    async def main(url: str) -> tuple[list[str | None], list[object]]:
        async with agent(Editor(), state, url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            await connection.prompt(session_id=name, prompt=[helpers.text_block("What is it?")])
            before = await connection.list_sessions(cwd=str(root))
            await connection.ext_method("kimi-mcp/delete", {"sessionId": name})
            with pytest.raises(RequestError):
                await connection.load_session(cwd=str(root), session_id=name, mcp_servers=[])
            after = await connection.list_sessions(cwd=str(root))
        return [one.updated_at for one in before.sessions], list(after.sessions)

    with KimiApi([Turn(text="A function.")]) as api:
        dated, left = run(main(api.url))
    assert [bool(one) for one in dated] == [True]
    assert left == []
    assert list((state / "runs").glob("*/run.json")) == []


def test_the_cost_is_told_where_every_answer_has_a_price_and_tokens_always(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str, state: Path) -> Editor:
        editor = Editor()
        async with agent(editor, state, url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            await connection.prompt(session_id=session.session_id, prompt=[helpers.text_block("Hello.")])
        return editor

    with KimiApi([Turn(text="Hello.")], flavour="openrouter", models=["kimi-k2.6"]) as api:
        priced = run(main(api.url, tmp_path / "priced")).of("usage_update")[-1]
    assert priced.cost and 0 < priced.cost.amount < 0.1
    assert priced.field_meta == {"kimi-mcp": {"tokens": priced.used}}


def test_a_file_that_is_no_text_is_told_with_its_bytes(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    make = "python3 -c \"open('dot.bin', 'wb').write(bytes([0, 255]))\""
    turns = [
        Turn(calls=(Call("run_command", {"command": make}),)),
        Turn(calls=(Call("submit", {"summary": "A dot."}),), times=9),
    ]

    async def main(url: str) -> Editor:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            await connection.set_config_option(session_id=name, config_id="place", value="copy")
            await connection.prompt(session_id=name, prompt=[helpers.text_block("/fix there is no dot")])
        return editor

    with KimiApi(turns) as api:
        editor = run(main(api.url))
    [told] = [u.field_meta["kimi-mcp"] for u in editor.of("session_info_update") if u.field_meta]
    [file] = told["files"]
    assert (file["path"], file["status"], file["bytes"]) == ("dot.bin", "added", [None, "AP8="])
    assert "after" not in file
