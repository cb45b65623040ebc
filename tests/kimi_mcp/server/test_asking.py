"""Leave, asked for through the client, and only through one that can ask its user."""

from pathlib import Path
from typing import Any

import pytest

from tests.kimi_mcp.server.conftest import Start
from tests.stdio_client import ENVELOPE, StdioClient, called

CALL = {"name": "write_file", "arguments": {"path": ".vscode/settings.json", "content": '{"a\u202e": 1}\n'}}


def answer(client: StdioClient, result: dict[str, Any]) -> dict[str, Any]:
    asked = client.message("elicitation/create")
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": result})
    return asked["params"]


def test_a_yes_lets_this_one_write_through_and_shows_the_user_what_it_is(start: Start, root: Path) -> None:
    client = start()
    client.initialize(capabilities={"elicitation": {}})
    call = client.start_request("tools/call", CALL)
    asked = answer(client, {"action": "accept", "content": {"allow": True}})
    assert ".vscode/settings.json" in asked["message"]
    assert "\\u{202e}" in asked["message"] and "\u202e" not in asked["message"]
    assert not called(client.answer(call)).is_error
    assert (root / ".vscode/settings.json").exists()


@pytest.mark.parametrize(
    "result",
    [{"action": "decline"}, {"action": "cancel"}, {"action": "accept", "content": {"allow": False}}],
    ids=["decline", "cancel", "accept without the tick"],
)
def test_anything_but_a_yes_writes_nothing(start: Start, root: Path, result: dict[str, Any]) -> None:
    client = start()
    client.initialize(capabilities={"elicitation": {"form": {}}})
    call = client.start_request("tools/call", CALL)
    answer(client, result)
    refused = called(client.answer(call))
    assert refused.is_error and "said no" in refused.text
    assert not (root / ".vscode").exists()


def test_a_client_that_cannot_ask_is_told_the_flag(start: Start, root: Path) -> None:
    client = start()
    client.initialize()
    assert "--allow protected" in called(client.request("tools/call", CALL)).text
    assert "--allow protected" in called(client.request("tools/call", {**CALL, **ENVELOPE})).text
    assert not (root / ".vscode").exists()


def test_leave_given_at_the_start_needs_no_question(start: Start, root: Path) -> None:
    client = start("--allow", "protected")
    client.initialize()
    assert not called(client.request("tools/call", CALL)).is_error
    assert (root / ".vscode/settings.json").exists()
    refused = client.call("write_file", path=".git/config", content="[core]\n")
    assert refused.is_error and "git" in refused.text


def test_commands_of_the_server_run_in_the_sandbox_unless_the_user_has_lifted_it(start: Start) -> None:
    client = start("--toolsets", "shell")
    client.initialize()
    confined = client.call("run_command", command="echo ran")
    if confined.is_error:
        assert "No sandbox works" in confined.text
    else:
        assert "(sandbox: none)" not in confined.text
    refused = client.call("run_command", command="echo ran", dangerouslyDisableSandbox=True)
    assert refused.is_error and "there is no argument 'dangerouslyDisableSandbox'" in refused.text
    free = start("--no-sandbox", "--toolsets", "shell")
    free.initialize()
    assert "(sandbox: none)" in free.call("run_command", command="echo ran").text
