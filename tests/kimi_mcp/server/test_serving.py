"""A client and the server, over real pipes."""

import pytest

from tests.kimi_mcp.server.conftest import Start
from tests.stdio_client import ENVELOPE, called


def test_a_client_lists_and_calls_tools(start: Start) -> None:
    client = start()
    assert client.initialize()["serverInfo"]["name"] == "kimi-mcp"
    assert "read_file" in [tool["name"] for tool in client.list_tools()]
    read = client.call("read_file", path="a.py")
    assert read.text.startswith("a.py lines 1-2 of 2") and not read.is_error
    assert client.close() == 0


def test_a_result_is_text_only(start: Start) -> None:
    client = start()
    client.initialize()
    assert set(client.call("read_file", path="a.py").result) == {"content", "isError"}
    assert all("outputSchema" not in tool for tool in client.list_tools())


def test_a_client_without_handshake_lists_and_calls_tools(start: Start) -> None:
    client = start()
    assert client.request("server/discover", ENVELOPE)["result"]["supportedVersions"] == ["2026-07-28"]
    assert client.request("tools/list", ENVELOPE)["result"]["tools"]
    read = called(
        client.request("tools/call", {"name": "read_file", "arguments": {"path": "a.py"}, **ENVELOPE})
    )
    assert read.text.startswith("a.py lines 1-2 of 2")


def test_a_client_that_probes_and_then_initializes_is_served_in_both_eras(start: Start) -> None:
    client = start()
    client.request("server/discover", ENVELOPE)
    client.initialize("2025-11-25")
    call = {"name": "read_file", "arguments": {"path": "a.py"}}
    assert not called(client.request("tools/call", call)).is_error
    assert not called(client.request("tools/call", {**call, **ENVELOPE})).is_error


def test_initialize_is_accepted_again_before_every_call(start: Start) -> None:
    client = start()
    for _ in range(3):
        client.initialize()
        assert not client.call("read_file", path="a.py").is_error


def test_calls_sent_at_once_with_the_handshake_wait_for_the_tools(start: Start) -> None:
    client = start()
    handshake = {
        "protocolVersion": "2024-11-05",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    }
    client.start_request("initialize", handshake)
    client.notify("notifications/initialized")
    calls = [
        client.start_request("tools/call", {"name": "read_file", "arguments": {"path": path}})
        for path in ("a.py", "src/b.py")
    ]
    assert [called(client.answer(id)).text.split()[0] for id in calls] == ["a.py", "src/b.py"]


@pytest.mark.parametrize(
    ("arguments", "name", "way"),
    [
        ((), "git_blame", "--toolsets default,git"),
        (("--toolsets", "search,files"), "run_tests", "--toolsets search,files,test"),
        (("--read-only",), "edit_file", "--read-only"),
    ],
)
def test_a_tool_that_is_not_offered_names_the_way_to_have_it(
    start: Start, arguments: tuple[str, ...], name: str, way: str
) -> None:
    client = start(*arguments)
    client.initialize()
    refused = client.call(name)
    assert refused.is_error and f"'{name}' is not offered here" in refused.text and way in refused.text


def test_a_tool_error_is_a_result_that_the_model_reads(start: Start) -> None:
    client = start()
    client.initialize()
    refused = client.call("read_file", path="missing.py")
    assert refused.is_error and "missing.py" in refused.text
    wrong = client.call("read_file", path="a.py", colour="red")
    assert wrong.is_error and "there is no argument 'colour'" in wrong.text
    unknown = client.call("read_fil")
    assert unknown.is_error and unknown.text.startswith(
        "There is no tool 'read_fil' here; there is read_file"
    )
