"""The agent's pipes: a first answer without the SDK, and whatever comes in, the connection lives."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.acp import greeting
from kimi_mcp.cli import snapshot
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.acp.editor import FILES, Editor, MakeRepository, agent, run, say

HELLO = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": 1}}


def talk(tmp_path: Path, said: bytes, stdin: Any = None) -> tuple[list[dict[str, Any]], str]:
    """What the agent answers to bytes, and its complaints, once its input has ended."""
    environment = {**os.environ, "KIMI_MCP_STATE": str(tmp_path / "state"), "KIMI_MCP_API_KEY": "test-key"}
    done = subprocess.run(
        [sys.executable, "-m", "kimi_mcp", "acp", "--base-url", "http://127.0.0.1:9"],
        env=environment,
        capture_output=True,
        timeout=100,
        **({"stdin": stdin} if stdin is not None else {"input": said}),
    )
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def request(id: Any, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"


def test_the_first_answer_is_what_the_sdk_would_say_and_needs_nothing_heavy() -> None:
    assert Path(greeting.FILE).read_text("utf-8") == snapshot.greeted(), (
        "run python -m tests.update_snapshots"
    )
    heavy = ["pydantic", "asyncio", "acp", "openai", "kimi_mcp.agent.loop", "kimi_tools.catalog"]
    program = f"""
import os, sys
read, write = os.pipe()
from kimi_mcp.cli import acp
from kimi_mcp.acp.greeting import Greeting
os.write(write, {json.dumps(HELLO).encode()!r} + b"\\n")
assert Greeting((read, acp.PIPES[1])).meet()
sys.stderr.write(" ".join(name for name in {heavy!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout)["result"]["protocolVersion"] == 1
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage\n", -32700),
        (b"\xff\xfe\n", -32700),
        (b"Content-Length: 100\r\n", -32700),
        (b'"a string"\n', -32600),
        (b"[]\n", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"initialize"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":"session/new","params":[]}\n', -32602),
        (request(5, "no/such/method"), -32601),
        (request(5, "_no/such/extension"), -32601),
        (request(5, "session/new"), -32602),
        (request(5, "session/prompt", sessionId=3, prompt="x"), -32602),
        (b'{"x":"' + b"x" * (greeting.LONGEST + 1) + b'"}\n', -32600),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_what_is_no_message_is_answered_with_an_error_and_the_connection_lives(
    tmp_path: Path, line: bytes, code: int
) -> None:
    answers, _ = talk(tmp_path, line + json.dumps(HELLO).encode() + b"\n" + line + request(9, "session/list"))
    codes = [answer["error"]["code"] for answer in answers if "error" in answer]
    assert codes == [code, code]
    assert next(answer for answer in answers if answer.get("id") == 0)["result"]["protocolVersion"] == 1
    assert next(answer for answer in answers if answer.get("id") == 9)["result"] == {"sessions": []}


def test_answers_to_nothing_are_passed_over(tmp_path: Path) -> None:
    odd = [{"id": None, "error": {}}, {"id": [1], "error": {}}, {"id": "x", "result": {}}, {"error": {}}]
    lines = b"".join(json.dumps({"jsonrpc": "2.0", **one}).encode() + b"\n" for one in odd)
    answers, _ = talk(tmp_path, json.dumps(HELLO).encode() + b"\n" + lines + request(9, "session/list"))
    assert [answer.get("id") for answer in answers] == [0, 9]


def test_any_kind_of_input_ends_the_process_at_its_end(tmp_path: Path) -> None:
    with open(os.devnull, "rb") as nothing:
        assert talk(tmp_path, b"", stdin=nothing) == ([], "")
    file = tmp_path / "said"
    file.write_bytes(json.dumps(HELLO).encode() + b"\n" + request(1, "session/list"))
    with file.open("rb") as given:
        answers, _ = talk(tmp_path, b"", stdin=given)
    assert [answer["id"] for answer in answers] == [0, 1]


def test_a_deleted_session_is_gone_with_its_runs_and_deleting_it_again_is_no_error(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)
    state = tmp_path / "state"

    async def main(url: str) -> tuple[list[int], list[Path]]:
        counts: list[int] = []
        async with agent(Editor(), state, url) as connection:
            name = (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id
            turn = asyncio.create_task(say(connection, name, "Wait."))
            while not list(state.glob("runs/*/events.jsonl")):
                await asyncio.sleep(0.05)
            for _ in range(2):
                counts.append(len((await connection.list_sessions()).sessions))
                assert await connection._conn.send_request("session/delete", {"sessionId": name}) == {}
            counts.append(len((await connection.list_sessions()).sessions))
            assert await turn == "cancelled"
        return counts, [*state.glob("runs/*"), *state.glob("sessions/*.json")]

    with KimiApi([Turn(calls=(Call("run_command", {"command": "sleep 60"}),)), Turn(text="No.")]) as api:
        assert run(main(api.url)) == ([1, 0, 0], [])


def test_two_prompts_at_once_are_two_answers_in_two_sessions_and_an_error_in_one(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(FILES)

    async def main(url: str) -> tuple[list[Any], list[Any]]:
        async with agent(Editor(), tmp_path / "state", url) as connection:
            made = [await connection.new_session(cwd=str(root), mcp_servers=[]) for _ in range(2)]
            names = [session.session_id for session in made]
            both = await asyncio.gather(*(say(connection, name, f"I am {name}.") for name in names))
            one = await asyncio.gather(
                *(say(connection, names[0], "Hello.") for _ in range(2)), return_exceptions=True
            )
        return both, one

    with KimiApi(lambda _: Turn(text="Yes.")) as api:
        both, one = run(main(api.url))
        asked = [str(request.body["messages"]) for request in api.requests]
    assert both == ["end_turn", "end_turn"]
    assert sorted(map(str, one))[1] == "end_turn" and len([x for x in one if x == "end_turn"]) == 1
    assert all(text.count("I am ") == 1 for text in asked), "one session hears nothing of the other"
