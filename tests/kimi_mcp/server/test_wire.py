"""What reaches the pipes: only protocol goes out, and whatever comes in, the server stays alive."""

import json
from typing import Any

import pytest

from tests.kimi_mcp.server.conftest import Start
from tests.stdio_client import StdioClient, called

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602

BROKEN = {
    "invalid UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE_ERROR),
    "half a message": (b"{", PARSE_ERROR),
    "no JSON": (b"Content-Length: 123", PARSE_ERROR),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', PARSE_ERROR),
    "a huge number": (b'{"id":' + b"9" * 10_000 + b"}", PARSE_ERROR),
    "deep nesting": (b"[" * 100_000 + b"]" * 100_000, PARSE_ERROR),
    "deep nesting of objects": (b'{"a":' * 100_000, PARSE_ERROR),
    "UTF-16": (
        '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16-le").replace(b"\n", b""),
        PARSE_ERROR,
    ),
    "an empty batch": (b"[]", INVALID_REQUEST),
    "a batch": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', INVALID_REQUEST),
    "a string": (b'"ping"', INVALID_REQUEST),
    "wrong jsonrpc": (b'{"jsonrpc":"1.0","id":null,"method":"ping"}', INVALID_REQUEST),
    "no jsonrpc": (b'{"method":"ping"}', INVALID_REQUEST),
    "id null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST),
    "id true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID_REQUEST),
    "id a list": (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', INVALID_REQUEST),
    "no method": (b'{"jsonrpc":"2.0"}', INVALID_REQUEST),
    "a 50 MB line": (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 50_000_000 + b'"}', INVALID_REQUEST),
}


def test_what_is_no_message_is_answered_with_an_error_and_the_next_ping_is_answered(start: Start) -> None:
    client = start()
    for name, (line, code) in BROKEN.items():
        client.send_bytes(line + b"\n")
        answered = client.wait_for(lambda: client.messages.pop() if client.messages else None, 30, name)
        assert (answered["id"], answered["error"]["code"]) == (None, code), name
        assert client.request("ping")["result"] == {}, name


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"method": "no/such/method"}, METHOD_NOT_FOUND),
        ({"method": "resources/list"}, METHOD_NOT_FOUND),
        ({"method": 5}, INVALID_REQUEST),
        ({"method": "tools/call", "params": [1]}, INVALID_PARAMS),
        ({"method": "tools/call"}, INVALID_PARAMS),
        ({"method": "tools/call", "params": {"name": 5}}, INVALID_PARAMS),
        ({"method": "tools/call", "params": {"name": "read_file", "arguments": "a"}}, INVALID_PARAMS),
        ({"method": "tools/list", "params": {"cursor": "x"}}, INVALID_PARAMS),
        ({"method": "initialize", "params": {}}, INVALID_PARAMS),
    ],
)
def test_a_wrong_request_is_answered_with_its_error(
    shared: StdioClient, message: dict[str, Any], code: int
) -> None:
    shared.send({"jsonrpc": "2.0", "id": (id := f"{message}"), **message})
    assert shared.answer(id)["error"]["code"] == code
    assert shared.request("ping")["result"] == {}


def test_a_request_before_the_handshake_is_answered_with_an_error(start: Start) -> None:
    client = start()
    assert client.request("tools/list")["error"]["code"] == INVALID_PARAMS
    assert client.request("tools/call", {"name": "read_file"})["error"]["code"] == INVALID_PARAMS
    client.initialize()
    assert not client.call("read_file", path="a.py").is_error


def test_an_unknown_revision_is_negotiated(shared: StdioClient) -> None:
    assert shared.initialize("1999-12-31")["protocolVersion"] == "2025-11-25"
    assert shared.initialize("2024-11-05")["protocolVersion"] == "2024-11-05"


def test_a_message_may_come_in_pieces_and_several_at_once(start: Start) -> None:
    client = start()
    line = json.dumps({"jsonrpc": "2.0", "id": "é", "method": "ping"}, ensure_ascii=False).encode() + b"\r\n"
    for byte in line:
        client.send_bytes(bytes([byte]))
    assert client.answer("é")["result"] == {}
    client.send_bytes(
        b"\n".join(json.dumps({"jsonrpc": "2.0", "id": n, "method": "ping"}).encode() for n in range(50))
    )
    client.send_bytes(b"\n\n  \n")
    assert [client.answer(n)["result"] for n in range(50)] == [{}] * 50


def test_ids_come_back_as_they_were(shared: StdioClient) -> None:
    for id in ("7", 7, "", 0, -1, 2**63, "kimi", "legacy:1"):
        shared.start_request("tools/call", {"name": "read_file", "arguments": {"path": "a.py"}}, id)
        assert called(shared.answer(id)).text.startswith("a.py")


def test_an_id_that_is_still_running_is_refused_and_a_new_handshake_frees_it(workbench: StdioClient) -> None:
    workbench.start_request("tools/call", {"name": "wait", "arguments": {}}, 100)
    workbench.start_request("tools/call", {"name": "bug"}, 100)
    assert workbench.answer(100)["error"]["code"] == INVALID_REQUEST
    workbench.initialize()
    workbench.start_request("tools/call", {"name": "bug"}, 100)
    assert called(workbench.answer(100)).is_error


def test_a_response_that_nobody_asked_for_is_ignored(shared: StdioClient) -> None:
    for id in (1, "legacy:1", "legacy:x", "modern:99", None):
        shared.send({"jsonrpc": "2.0", "id": id, "result": {}})
    assert shared.request("ping")["result"] == {}


def test_nothing_but_protocol_reaches_standard_output(workbench: StdioClient) -> None:
    assert workbench.call("shout").text == "shouted"
    assert workbench.close() == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in workbench.raw)
    printed = workbench.standard_error
    assert all(word in printed for word in ("printed", "written", "raw", "inherited"))


def test_two_hundred_calls_at_once_are_all_answered(shared: StdioClient) -> None:
    call = {"name": "read_file", "arguments": {"path": "a.py"}}
    ids = [shared.start_request("tools/call", call) for _ in range(200)]
    assert all(called(shared.answer(id)).text.startswith("a.py") for id in ids)


def test_more_requests_than_the_limit_are_refused_until_some_are_answered(workbench: StdioClient) -> None:
    ids = [workbench.start_request("tools/call", {"name": "wait", "arguments": {}}) for _ in range(257)]
    assert "256 requests are running" in workbench.answer(ids[-1])["error"]["message"]
    workbench.notify("notifications/cancelled", {"requestId": ids[0]})
    assert workbench.start_request("tools/call", {"name": "wait", "arguments": {}})
    assert workbench.request("ping")["result"] == {}


def test_a_result_is_bounded_and_can_be_encoded(workbench: StdioClient) -> None:
    flood = workbench.call("flood", count=1_000_000)
    assert len(json.dumps(flood.text)) <= 7_600
    assert "more lines" in flood.text


def test_a_bug_is_one_sentence_for_the_client_and_a_traceback_for_the_log(workbench: StdioClient) -> None:
    told = workbench.call("bug")
    assert told.is_error and "RuntimeError" in told.text
    assert "secret" not in told.text and "Traceback" not in told.text and "\n" not in told.text


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One server for the tests that leave it as it was."""
    root = tmp_path_factory.mktemp("wire") / "root"
    root.mkdir()
    (root / "a.py").write_text("one\n")
    with StdioClient(root) as client:
        client.initialize()
        yield client
