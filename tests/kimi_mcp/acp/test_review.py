"""What an editor needs to review a run: its patch and evidence as data, files left alone until then, steering."""

import asyncio
import threading
from pathlib import Path

import pytest
from acp import RequestError, helpers

from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_api.turns import Request
from tests.kimi_mcp.acp.editor import FILES, Editor, MakeRepository, agent, run
from tests.kimi_mcp.agent.conftest import BUGGY, REPRODUCE


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
    [told] = [u.field_meta["kimi-mcp"] for u in live.of("session_info_update") if u.field_meta]
    [again] = [u.field_meta["kimi-mcp"] for u in loaded.of("session_info_update") if u.field_meta]
    assert again == told
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
        assert steered.wait(60)
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
            assert await asyncio.to_thread(asked.wait, 60)
            await connection.ext_method("kimi-mcp/steer", {"sessionId": name, "text": "Mind the tabs."})
            steered.set()
            await turn

    with KimiApi(held) as api:
        run(main(api.url))
        history = api.requests[-1].body["messages"]
    assert any(m["role"] == "user" and "Mind the tabs." in str(m["content"]) for m in history)
