"""What the server says of its own accord: progress to those who asked, roots only where they were declared."""

from pathlib import Path

import pytest

from tests.kimi_mcp.server.conftest import WORKBENCH, Start
from tests.stdio_client import ENVELOPE, StdioClient, called


def test_progress_goes_to_a_client_that_gave_a_token_and_not_too_often(workbench: StdioClient) -> None:
    call = {"name": "reports", "arguments": {"count": 1000}, "_meta": {"progressToken": "token"}}
    workbench.request("tools/call", call)
    sent = [message["params"] for message in workbench.messages]
    assert 2 <= len(sent) <= 4
    assert {params["progressToken"] for params in sent} == {"token"}
    assert sent[-1]["message"] == "nearly there"
    numbers = [params["progress"] for params in sent]
    assert numbers == sorted(set(numbers)), "the number must grow"


def test_progress_comes_without_a_handshake_too(start: Start) -> None:
    client = start(command=WORKBENCH)
    meta = {**ENVELOPE["_meta"], "progressToken": 5}
    client.request("tools/call", {"name": "reports", "arguments": {"count": 3}, "_meta": meta})
    assert [message["params"]["progressToken"] for message in client.messages][:1] == [5]


def test_a_client_that_gave_no_token_hears_nothing_but_its_answers(workbench: StdioClient) -> None:
    workbench.call("reports", count=1000)
    assert workbench.messages == []


def answer_roots(client: StdioClient, *roots: Path) -> None:
    """Wait for the server's question and answer it."""
    asked = client.message("roots/list")
    listed = [{"uri": root.as_uri()} for root in roots]
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": listed}})


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "else where"
    folder.mkdir()
    (folder / "other.py").write_text("other\n")
    return folder


def test_a_client_that_declares_roots_is_asked_once(start: Start, elsewhere: Path) -> None:
    client = start(pinned=False)
    client.initialize(capabilities={"roots": {"listChanged": True}})
    id = client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "other.py"}})
    answer_roots(client, elsewhere)
    assert not called(client.answer(id)).is_error
    assert not client.call("read_file", path="other.py").is_error


def test_roots_are_asked_for_again_after_they_changed(start: Start, elsewhere: Path, root: Path) -> None:
    client = start(pinned=False)
    client.initialize(capabilities={"roots": {}})
    id = client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "other.py"}})
    answer_roots(client, elsewhere)
    client.answer(id)
    client.notify("notifications/roots/list_changed")
    id = client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "a.py"}})
    answer_roots(client, root)
    assert not called(client.answer(id)).is_error


def test_among_several_roots_the_one_around_the_current_directory_wins(
    start: Start, elsewhere: Path, root: Path
) -> None:
    client = start(pinned=False)
    client.initialize(capabilities={"roots": {}})
    id = client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "a.py"}})
    answer_roots(client, Path("/"), elsewhere, root)
    assert not called(client.answer(id)).is_error


def test_the_question_for_roots_cannot_be_taken_for_an_answer(start: Start, root: Path) -> None:
    client = start(pinned=False)
    client.initialize(capabilities={"roots": {}})
    client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "a.py"}})
    assert isinstance(client.message("roots/list")["id"], str)


def test_a_client_whose_roots_never_come_is_served_where_the_server_was_started(start: Start) -> None:
    client = start(pinned=False)
    client.initialize(capabilities={"roots": {}})
    assert not client.call("read_file", path="a.py").is_error


def test_an_editors_variable_that_it_did_not_fill_in_names_no_root(start: Start, elsewhere: Path) -> None:
    client = start("--root", "${workspaceFolder}", pinned=False)
    client.initialize()
    assert not client.call("read_file", path="a.py").is_error
    client = start("--root", "${workspaceFolder}", pinned=False)
    client.initialize(capabilities={"roots": {}})
    id = client.start_request("tools/call", {"name": "read_file", "arguments": {"path": "other.py"}})
    answer_roots(client, elsewhere)
    assert not called(client.answer(id)).is_error


@pytest.mark.parametrize("declared", [False, True])
def test_nobody_is_asked_who_declared_no_roots_or_named_one(start: Start, declared: bool) -> None:
    client = start(pinned=declared)
    client.initialize(capabilities={"roots": {}} if declared else {})
    assert not client.call("read_file", path="a.py").is_error
    assert client.messages == []


def test_a_root_that_is_no_repository_is_refused_on_calls(start: Start) -> None:
    client = start("--root", "/", pinned=False)
    client.initialize()
    refused = client.call("read_file", path="etc/passwd")
    assert refused.is_error and "is not one repository" in refused.text
