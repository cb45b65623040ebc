"""What the editor lends: its unsaved buffers, its terminals, its MCP servers. Cancelling at any moment."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acp import schema

from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.acp.editor import FILES, FS, Editor, MakeRepository, agent, offered, run, say, told

TERMINAL = schema.ClientCapabilities(terminal=True)
UNSAVED = "# mine\ndef double(x):\n    return x + 1\n"
EDIT = Call("edit_file", {"path": "a.py", "old": "x + 1", "new": "x * 2"})
READ = Call("read_file", {"path": "a.py"})

SERVER = """
import os, sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("probe")
@server.tool(description="Look a word up.")
def look_up(word: str) -> str:
    return f"{word} means so; key: {os.environ.get('KIMI_MCP_API_KEY')}; given: {os.environ.get('GIVEN')}"
if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    open("started", "w").close()
    server.run()
    open("ended", "w").close()
"""


def calling(*calls: Call) -> Turn:
    return Turn(reasoning="Hm.", calls=calls)


def session_of(
    root: Path, editor: Editor, state: Path, can: Any, prompts: list[str], servers: Any = ()
) -> Any:
    """A coroutine function that says every prompt in one session; its result is why each turn stopped."""

    async def main(url: str) -> list[str]:
        async with agent(editor, state, url, can) as connection:
            name = (await connection.new_session(cwd=str(root), mcp_servers=list(servers))).session_id
            reasons = [await say(connection, name, prompt) for prompt in prompts]
            await connection.close_session(session_id=name)
            return reasons

    return main


def test_a_read_gives_what_the_person_sees_and_saves_nothing(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    editor = Editor()
    editor.buffers[str(root / "a.py")] = UNSAVED
    main = session_of(root, editor, tmp_path / "state", FS, ["What is a.py?"])
    cat = Call("run_command", {"command": "cat a.py"})
    with KimiApi([calling(READ), calling(cat), Turn(text="So.")]) as api:
        run(main(api.url))
        read, printed = told(api.requests[-1])
    assert "# mine" in read and "not saved yet" in read
    assert "# mine" not in printed and "Unsaved in the editor" in printed and "a.py" in printed
    assert (root / "a.py").read_text() == FILES["a.py"]
    assert editor.saved == []


def test_an_edit_keeps_what_the_person_typed_and_undo_gives_that_back(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    editor = Editor()
    editor.buffers[str(root / "a.py")] = UNSAVED
    main = session_of(root, editor, tmp_path / "state", FS, ["Make double double.", "/undo"])
    with KimiApi([calling(EDIT), Turn(text="Done.")]) as api:
        run(main(api.url))
        [result] = told(api.requests[-1])
    assert "Edited a.py" in result
    assert editor.saved == [str(root / "a.py")], "what the person typed; the rest it sees on the disk"
    [diff] = [c for u in editor.of("tool_call_update") for c in u.content or [] if c.type == "diff"]
    assert diff.new_text == UNSAVED.replace("x + 1", "x * 2")
    assert (root / "a.py").read_text() == UNSAVED


def test_unsaved_text_that_the_editor_will_not_save_is_never_lost(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    editor = Editor()
    editor.buffers[str(root / "a.py")] = UNSAVED
    reading = schema.ClientCapabilities(fs=schema.FileSystemCapabilities(read_text_file=True))
    main = session_of(root, editor, tmp_path / "state", reading, ["Make double double."])
    with KimiApi([calling(EDIT), Turn(text="I cannot.")]) as api:
        run(main(api.url))
        [refused] = told(api.requests[-1])
    assert "unsaved changes" in refused and "ask the user" in refused
    assert (root / "a.py").read_text() == FILES["a.py"]


def test_a_terminal_shows_what_a_command_prints_while_the_command_stays_in_the_sandbox(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    editor = Editor()
    main = session_of(root, editor, tmp_path / "state", TERMINAL, ["Run it."])
    command = Call("run_command", {"command": "printf '\\033]52;c;aGk=\\a'; echo visible; exit 3"})
    with KimiApi([calling(command), Turn(text="Ran.")]) as api:
        run(main(api.url))
        [result] = told(api.requests[-1])
    assert "visible" in result and "exit code 3" in result
    [(line, _process)] = editor.terminals.values()
    assert line[0] == "tail" and "echo" not in " ".join(line), "no word of the model is run by the editor"
    assert editor.released == ["t0"]
    assert "visible" in editor.shown["t0"] and "\x1b" not in editor.shown["t0"]
    shown = [c for u in editor.of("tool_call_update") for c in u.content or [] if c.type == "terminal"]
    assert {content.terminal_id for content in shown} == {"t0"}


def test_an_editor_whose_terminals_never_answer_holds_nothing_up(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    main = session_of(root, Editor(mute=True), tmp_path / "state", TERMINAL, ["Run it."])
    echo = Call("run_command", {"command": "echo visible"})
    with KimiApi([calling(echo), calling(echo), Turn(text="Ran.")]) as api:
        assert run(main(api.url)) == ["end_turn"]
        assert all("visible" in result for result in told(api.requests[-1]))


def stdio(root: Path) -> schema.McpServerStdio:
    given = schema.EnvVariable(name="GIVEN", value="by the editor")
    return schema.McpServerStdio(name="probe", command=sys.executable, args=[str(root / "s.py")], env=[given])


@pytest.fixture
def http(tmp_path: Path) -> Iterator[schema.HttpMcpServer]:
    script = tmp_path / "probe_over_http.py"
    script.write_text(SERVER)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "GIVEN": "by its own start"}
    process = subprocess.Popen(
        [sys.executable, str(script), str(port)], env=environment, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while b"running on" not in process.stderr.readline():
            assert process.poll() is None
        yield schema.HttpMcpServer(type="http", name="probe", url=f"http://127.0.0.1:{port}/mcp", headers=[])
    finally:
        process.kill()
        process.communicate()


LOOK = Call("probe__look_up", {"word": "kimi"})


@pytest.mark.parametrize("answer", ["allow_always", "reject_once"])
def test_tools_of_a_server_that_the_editor_passes_are_functions_that_ask_first(
    make_repository: MakeRepository, tmp_path: Path, answer: str
) -> None:
    root = make_repository({**FILES, "s.py": SERVER})
    editor = Editor(answer)
    again = Call("probe__look_up", {"word": "moon"})
    main = session_of(root, editor, tmp_path / "state", None, ["Look it up.", "And moon."], [stdio(root)])
    turns = [calling(LOOK), Turn(text="So."), calling(again), Turn(text="So.")]
    with KimiApi(turns) as api:
        run(main(api.url))
        first, second = told(api.requests[-1])
        names = offered(api.requests[0])
    assert "probe__look_up" in names
    content = editor.asked[0].content[0].content.text
    assert json.loads(content) == {"word": "kimi"}, "the user sees exactly what is sent"
    if answer == "reject_once":
        assert "said no" in first and "said no" in second and len(editor.asked) == 2
    else:
        assert "kimi means so; key: None; given: by the editor" in first
        assert "moon means so" in second and len(editor.asked) == 1
    assert (root / "ended").exists(), "the server ends with the session"


def test_an_http_server_works_as_well(
    make_repository: MakeRepository, tmp_path: Path, http: schema.HttpMcpServer
) -> None:
    root = make_repository(FILES)
    main = session_of(root, Editor(), tmp_path / "state", None, ["Look it up."], [http])
    with KimiApi([calling(LOOK), Turn(text="So.")]) as api:
        run(main(api.url))
        [result] = told(api.requests[-1])
    assert "kimi means so" in result


def test_a_server_that_cannot_start_is_named_and_the_turn_goes_on(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    editor = Editor()
    gone = schema.McpServerStdio(name="gone", command="/nonexistent/server", args=[], env=[])
    main = session_of(root, editor, tmp_path / "state", None, ["Hello."], [gone])
    with KimiApi([Turn(text="Hello.")]) as api:
        assert run(main(api.url)) == ["end_turn"]
    assert "The MCP server 'gone' cannot be used" in editor.text("agent_thought_chunk")
    assert editor.text("agent_message_chunk") == "Hello."


def test_no_server_is_started_before_a_turn_needs_it(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository({**FILES, "s.py": SERVER})

    async def main(url: str) -> None:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[stdio(root)])
            await connection.set_session_mode(session_id=session.session_id, mode_id="ask")
            await say(connection, session.session_id, "Hello.")

    with KimiApi([Turn(text="Hello.")]) as api:
        run(main(api.url))
        assert not [name for name in offered(api.requests[0]) if "probe" in name]
    assert not (root / "started").exists()


def test_a_turn_is_cancelled_while_a_server_still_starts(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    slow = schema.McpServerStdio(
        name="slow", command="/bin/sh", args=["-c", "echo x > started; exec sleep 60"], env=[]
    )

    async def main(url: str) -> tuple[str, str]:
        editor = Editor()
        async with agent(editor, tmp_path / "state", url) as connection:
            session = await connection.new_session(cwd=str(root), mcp_servers=[slow])
            turn = asyncio.create_task(say(connection, session.session_id, "Hello."))
            while not (root / "started").exists():
                await asyncio.sleep(0.05)
            await connection.cancel(session_id=session.session_id)
            first = await turn
            await connection.set_session_mode(session_id=session.session_id, mode_id="ask")
            return first, await say(connection, session.session_id, "Again.")

    with KimiApi([Turn(text="Hello.")]) as api:
        assert run(main(api.url)) == ("cancelled", "end_turn")


def test_our_own_tools_that_an_editor_passes_are_left_out_and_a_removed_run_is_not_missed(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    ours = schema.McpServerStdio(name="kimi", command="/nonexistent/kimi-mcp", args=["serve"], env=[])
    editor = Editor()

    async def main(url: str) -> list[str]:
        async with agent(editor, tmp_path / "state", url) as connection:
            name = (await connection.new_session(cwd=str(root), mcp_servers=[ours])).session_id
            first = await say(connection, name, "Hello.")
            shutil.rmtree(tmp_path / "state" / "runs")
            return [first, await say(connection, name, "/cost"), await say(connection, name, "Again.")]

    with KimiApi([Turn(text="Hello."), Turn(text="Hello again.")]) as api:
        assert run(main(api.url)) == ["end_turn"] * 3
    assert "cannot be used" not in editor.text("agent_thought_chunk")
    assert editor.text("agent_message_chunk") == "Hello.Nothing yet.Hello again."
