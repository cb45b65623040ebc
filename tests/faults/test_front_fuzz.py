"""Whatever a client sends, the server answers the next ping and says nothing but JSON-RPC."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stdio_client import StdioClient

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
METHODS = [
    "initialize",
    "tools/list",
    "tools/call",
    "server/discover",
    "ping",
    "notifications/cancelled",
    "x/y",
]
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0", 2, None]),
        "id": JSON,
        "method": st.sampled_from(METHODS) | st.text(max_size=10) | JSON,
        "params": JSON,
        "result": JSON,
        "error": JSON,
    },
)
LINES = (
    st.binary(max_size=300).map(lambda data: data.replace(b"\n", b" "))
    | MESSAGES.map(lambda message: json.dumps(message).encode())
    | st.tuples(MESSAGES, st.integers(0, 200)).map(lambda pair: json.dumps(pair[0]).encode()[: pair[1]])
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StdioClient]:
    root = tmp_path_factory.mktemp("fuzzed") / "repository"
    root.mkdir()
    (root / ".git").mkdir()
    with StdioClient(root) as opened:
        opened.initialize()
        yield opened


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(LINES, min_size=1, max_size=4))
def test_the_server_outlives_any_input_and_keeps_the_wire_clean(
    client: StdioClient, lines: list[bytes]
) -> None:
    for line in lines:
        client.send_bytes(line + b"\n")
    answer = client.answer(client.start_request("ping", id=f"ping-{uuid.uuid4()}"))  # no other id is like it
    assert "result" in answer
    assert all(json.loads(said)["jsonrpc"] == "2.0" for said in client.raw)
    client.raw.clear()
