"""What an editor lets the user choose, and what a prompt may hold: modes, models, commands, forks, pictures."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, helpers, schema

from kimi_mcp.acp.history import Spent
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.acp.editor import FILES, Editor, MakeRepository, agent, offered, run, say, told

EDIT = Call("edit_file", {"path": "a.py", "old": "x + 1", "new": "x * 2"})
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def calling(call: Call) -> Turn:
    return Turn(reasoning="Hm.", calls=(call,))


async def begun(connection: Any, root: Path) -> str:
    return (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id


def test_a_plan_is_made_without_changes_and_then_carried_out_in_the_same_session(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> None:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            await connection.set_session_mode(session_id=name, mode_id="plan")
            await say(connection, name, "Make double double.")
            await connection.set_session_mode(session_id=name, mode_id="code")
            await say(connection, name, "Go on.")

    turns = [
        calling(EDIT),
        Turn(text="In a.py:2, x * 2."),
        calling(EDIT),
        Turn(text="Done."),
    ]
    with KimiApi(turns) as api:
        run(main(api.url))
        planning, refused, coding = api.requests[0], api.requests[1], api.requests[2]
    assert not offered(planning) & {"edit_file", "write_file", "run_command", "run_tests"}
    assert "Plan what the user asks for; change nothing" in planning.body["messages"][0]["content"]
    assert "no function 'edit_file'" in told(refused)[0]
    assert "edit_file" in offered(coding)
    assert "Plan what" not in coding.body["messages"][0]["content"]
    assert "In a.py:2, x * 2." in str(coding.body["messages"])
    assert "x * 2" in (root / "a.py").read_text()


def test_the_model_can_be_changed_between_turns_and_a_retired_one_is_refused(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[str, str]:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[])
            name = session.session_id
            options = {option.id: option for option in session.config_options}
            await say(connection, name, "Hello.")
            with pytest.raises(RequestError) as refused:
                await connection.set_config_option(
                    config_id="model", session_id=name, value="kimi-k2.5-preview"
                )
            await connection.set_config_option(config_id="model", session_id=name, value="kimi-k2.7-code")
            await connection.set_config_option(config_id="thinking", session_id=name, value="agent")
            await say(connection, name, "And now?")
        return options["model"].options[0].name, str(refused.value.data)

    with KimiApi([Turn(text="Yes."), Turn(text="Still.")]) as api:
        first, why = run(main(api.url))
        models = [request.body["model"] for request in api.requests]
        functions = [offered(request) for request in api.requests]
    assert first == "kimi-k2.6"
    assert "retired" in why
    assert models == ["kimi-k2.6", "kimi-k2.7-code"]
    assert ["delegate" in names for names in functions] == [False, True]


def test_a_lasting_yes_holds_for_the_session_and_only_for_that(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[list[int], Editor]:
        editor = Editor("allow_always")
        asked: list[int] = []
        async with agent(editor, tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            for words in ("Read .env", "Read it again", "And again"):
                if words == "And again":
                    (root / ".env").write_text("TOKEN=other\n")
                await say(connection, name, words)
                asked.append(len(editor.asked))
        return asked, editor

    read = Call("read_file", {"path": ".env"})
    turns = [calling(read), Turn(text="So.")] * 3
    with KimiApi(turns) as api:
        asked, editor = run(main(api.url))
    assert asked == [1, 1, 2], "the same content is allowed for the session, other content is asked about"
    assert [option.kind for option in editor.offered[0]] == ["allow_once", "allow_always", "reject_once"]


def test_undo_takes_back_a_turn_and_the_model_is_told(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    new = Call("write_file", {"path": "b.py", "content": "B = 1\n"})

    async def main(url: str) -> Editor:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            await say(connection, name, "Change both.")
            await say(connection, name, "What now?")
            assert await say(connection, name, "/undo") == "end_turn"
            await say(connection, name, "And now?")
            await say(connection, name, "/undo")
        return editor

    turns = [
        calling(EDIT),
        calling(new),
        Turn(text="Both."),
        Turn(text="Nothing."),
        Turn(text="Gone."),
    ]
    with KimiApi(turns) as api:
        editor = run(main(api.url))
        last = str(api.requests[-1].body["messages"][-1]["content"])
    assert (root / "a.py").read_text() == FILES["a.py"]
    assert not (root / "b.py").exists()
    assert "Taken back: a.py, b.py" in editor.text("agent_message_chunk")
    assert "No edits of this session are left" in editor.text("agent_message_chunk")
    assert "took back your last changes of: a.py, b.py" in last and "And now?" in last


def test_a_review_sees_the_diff_and_cannot_change_anything(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    (root / "a.py").write_text("def double(x):\n    return x * 3\n")

    async def main(url: str) -> Editor:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            await say(connection, name, "/review the arithmetic")
        async with agent(editor, tmp_path / "state", url) as connection:
            await connection.resume_session(session_id=name, cwd=str(root), mcp_servers=[])
            await say(connection, name, "/cost")
        return editor

    with KimiApi([Turn(text="It triples.")]) as api:
        editor = run(main(api.url))
        [request] = api.requests
    assert "+    return x * 3" in str(request.body["messages"])
    assert "the arithmetic" in str(request.body["messages"])
    assert not offered(request) & {"edit_file", "write_file", "run_command"}
    assert "1 steps" in editor.text("agent_message_chunk"), "the cost is known in a new process"


def test_a_fork_goes_on_by_itself(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[str, str]:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            await say(connection, name, "First.")
            fork = await connection.fork_session(session_id=name, cwd=str(root), mcp_servers=[])
            await say(connection, fork.session_id, "In the fork.")
            await say(connection, name, "In the original.")
        return name, fork.session_id

    with KimiApi([Turn(text="One."), Turn(text="Two."), Turn(text="Three.")]) as api:
        name, fork = run(main(api.url))
        users = [
            [m["content"] for m in request.body["messages"] if m["role"] == "user"]
            for request in api.requests
        ]
    assert name != fork
    assert [len(said) for said in users] == [1, 2, 2]
    assert "In the fork." in users[1][-1] and "In the original." in users[2][-1]


def test_files_and_pictures_in_a_prompt_reach_the_model(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    link = helpers.resource_link_block("a.py", (root / "a.py").as_uri() + "#L1:2")
    unsaved = schema.TextResourceContents(uri=(root / "b b.py").as_uri(), text="B = 2\n")
    blocks = [
        "Look at",
        link,
        schema.EmbeddedResourceContentBlock(type="resource", resource=unsaved),
        helpers.image_block(PIXEL, "image/png"),
        helpers.image_block("not base64!", "image/png"),
    ]

    editor = Editor()

    async def main(url: str) -> None:
        async with agent(editor, tmp_path / "state", url) as connection:
            await say(connection, await begun(connection, root), *blocks)

    with KimiApi([Turn(text="Seen.")]) as api:
        run(main(api.url))
        said = api.requests[0].body["messages"][1]["content"]
    text = " ".join(part["text"] for part in said if part["type"] == "text")
    assert f"[a.py]({root}/a.py lines 1-2)" in text
    assert f"<file path='{root}/b b.py'>\nB = 2" in text
    assert "A picture that is not base64 was left out." in editor.text("agent_message_chunk")
    [picture] = [part for part in said if part["type"] == "image_url"]
    assert picture["image_url"]["url"].endswith(PIXEL)


def test_the_cost_adds_up_over_turns_and_processes_and_is_said_in_tokens_and_money(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> Editor:
        editor = Editor()
        for words in ("First.", "Second.", "/cost"):
            async with agent(editor, tmp_path / "state", url) as connection:
                listed = (await connection.list_sessions()).sessions
                if listed:
                    name = listed[0].session_id
                    await connection.resume_session(session_id=name, cwd=str(root), mcp_servers=[])
                else:
                    name = await begun(connection, root)
                await say(connection, name, words)
        return editor

    turns = [Turn(text="One."), Turn(text="Two.")]
    with KimiApi(turns, flavour="openrouter", models=["kimi-k2.6"]) as api:
        editor = run(main(api.url))
    first, second = [update.cost.amount for update in editor.of("usage_update")]
    tokens = [update.field_meta["kimi-mcp"]["tokens"] for update in editor.of("usage_update")]
    assert 0 < first < second and tokens[0] < tokens[1]
    assert len({update.size for update in editor.of("usage_update")}) == 1, "the window is known in each turn"
    assert "2 steps, " in editor.text("agent_message_chunk")
    assert f"${second:.3f}" in editor.text("agent_message_chunk")


def test_a_price_that_is_not_known_is_not_a_sum_of_money() -> None:
    some = Spent(steps=2, prompt=1_000, completion=50, priced=False)
    assert "the price is not known" in some.words() and "$" not in some.words()
    assert "$0.500 for the answers that had one" in replace(some, cost=0.5).words()
    assert "costs nothing" in replace(some, priced=True).words()
    assert Spent().words() == "Nothing yet."


def test_what_the_model_cannot_take_is_refused_in_a_sentence_and_costs_nothing(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root, editor = make_repository(FILES), Editor()
    blob = schema.BlobResourceContents(
        uri=(root / "x.pdf").as_uri(), blob="AAAA", mime_type="application/pdf"
    )
    huge = schema.TextResourceContents(uri=(root / "big.txt").as_uri(), text="0123456789\n" * 200_000)

    async def main(url: str) -> list[str]:
        async with agent(editor, tmp_path / "state", url) as connection:
            name = await begun(connection, root)
            return [
                await say(connection, name, helpers.audio_block("AAAA", "audio/wav")),
                await say(connection, name, helpers.image_block(PIXEL, "image/tiff")),
                await say(
                    connection,
                    name,
                    "Look.",
                    schema.EmbeddedResourceContentBlock(type="resource", resource=blob),
                    schema.EmbeddedResourceContentBlock(type="resource", resource=huge),
                    helpers.resource_link_block("passwd", "file:///etc/passwd"),
                ),
            ]

    outside = calling(Call("read_file", {"path": "/etc/passwd"}))
    with KimiApi([outside, Turn(text="So.")]) as api:
        assert run(main(api.url)) == ["end_turn"] * 3
        prompt = str(api.requests[0].body["messages"][1])
        [refused] = told(api.requests[-1])
    shown = editor.text("agent_message_chunk")
    assert "cannot hear" in shown and "image/tiff" in shown and "x.pdf is no text" in shown
    assert len(prompt) < 150_000 and "read the file" in prompt
    assert "outside the workspace" in refused
