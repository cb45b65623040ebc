"""Between what came and what the agent acts on."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.model.enforce import Enforced, enforced
from kimi_mcp.model.messages import Assistant, Function, Message, User
from kimi_mcp.model.messages import Call as Made
from kimi_mcp.model.stream import Assembler
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.model.asking import HISTORY, OFFERED, ask

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("KIMI_ANSWERS", HERE.parents[3] / "shared/kimi/k2_tool_call_answers.jsonl"))


def read(
    message: dict[str, Any], finish: str | None = "stop", history: Any = HISTORY, offered: Any = OFFERED
) -> Enforced:
    assembler = Assembler()
    assembler.add({"choices": [{"message": message, "finish_reason": finish}]})
    return enforced(assembler.finished(), offered, history)


def native(name: Any, arguments: Any = '{"path": "a.py"}', **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def marks(header: str, arguments: str) -> str:
    call = f"<|tool_call_begin|>{header}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"
    return f"<|tool_calls_section_begin|>{call}<|tool_calls_section_end|>"


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def check_recorded(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        offered = [
            Function(
                tool["function"]["name"], tool["function"]["description"], tool["function"]["parameters"]
            )
            for tool in answer["tools"]
        ]
        assembler = Assembler()
        assembler.add(answer["response"])
        made = enforced(assembler.finished(), offered, [User("?")])
        sent = answer["response"]["choices"][0]["message"]["tool_calls"]
        assert made.finish == "calls" and not made.notes
        for call, original in zip(made.message.calls, sent, strict=True):
            assert call.id == original["id"] and call.name == original["function"]["name"]
            assert call.arguments == json.loads(original["function"]["arguments"]) and not call.problem


def test_real_answers_of_k2_are_read_as_they_are() -> None:
    check_recorded(recorded(HERE / "k2_answers.jsonl"))


@pytest.mark.skipif(not SHARED.is_file(), reason="the founders' folder of recorded answers is not here")
def test_all_recorded_answers_of_k2_are_read_as_they_are() -> None:
    answers = recorded(SHARED)
    assert len(answers) == 30
    check_recorded(answers)


def test_a_leak_is_recovered_from_reasoning_when_there_is_no_text() -> None:
    leak = marks("functions.mcp-search-text:0", '{"words": ["x"]}')
    made = read({"content": "", "reasoning_content": f"I search.{leak}"})
    assert made.message.calls[0].name == "mcp-search-text" and made.message.calls[0].recovered
    assert made.message.reasoning == "I search."
    assert made.finish == "calls"
    assert not read({"content": "It is done.", "reasoning_content": f"I search.{leak}"}).message.calls


def test_a_leak_beside_real_calls_is_stripped_and_not_run_twice() -> None:
    leak = marks("functions.read_file:0", '{"path": "a.py"}')
    made = read({"content": f"Now.{leak}", "tool_calls": [native("read_file", id="functions.read_file:0")]})
    assert len(made.message.calls) == 1
    assert made.message.text == "Now." and not made.message.calls[0].recovered


@pytest.mark.parametrize(
    "given", ["read_file", "functions.read_file", "default_api.read_file", "mcp__kimi__read_file"]
)
def test_a_namespace_before_a_name_is_taken_off(given: str) -> None:
    assert read({"tool_calls": [native(given, id="1")]}).message.calls[0].name == "read_file"


def test_an_unknown_function_is_told_with_what_there_is() -> None:
    call = read({"tool_calls": [native("rm -rf", id="1")]}).message.calls[0]
    assert call.arguments is None
    assert call.problem == "There is no function 'rm -rf'; there are: read_file, mcp-search-text."
    assert call.name == "rm_-rf"


def test_ids_that_are_missing_or_taken_are_made_anew() -> None:
    history: list[Message] = [
        *HISTORY,
        Assistant("", calls=(Made("functions.read_file:0", "read_file", {}, "{}"),)),
    ]
    message = {
        "tool_calls": [
            native("read_file", id="functions.read_file:0"),
            native("read_file"),
            native("read_file", id="x"),
            native("read_file", id="x"),
        ]
    }
    identities = [call.id for call in read(message, history=history).message.calls]
    assert identities == ["functions.read_file:1", "functions.read_file:2", "x", "functions.read_file:4"]


def test_pieces_with_gaps_and_without_indexes_find_their_call() -> None:
    assembler = Assembler()
    for pieces in (
        [{"index": 2, "id": "a", "function": {"name": "read_file", "arguments": ""}}],
        [{"index": 5, "id": "b", "function": {"name": "read_file", "arguments": '{"path"'}}],
        [{"index": 2, "function": {"name": "read_file", "arguments": '{"path": "a"}'}}],
        [{"index": 5, "function": {"arguments": ': "b"}'}}],
        [{"id": "c", "function": {"name": "read_file", "arguments": '{"path": '}}],
        [{"function": {"arguments": '"c"}'}}],
        [{"index": 0, "id": "d", "function": {"name": "read_file", "arguments": {"path": "d"}}}],
    ):
        assembler.add({"choices": [{"delta": {"tool_calls": pieces}}]})
    made = enforced(assembler.finished(), OFFERED, HISTORY)
    assert [(call.id, call.arguments) for call in made.message.calls] == [
        (name, {"path": name}) for name in ("a", "b", "c", "d")
    ]


@pytest.mark.parametrize("finish", ["stop", None, "length", "function_call"])
def test_calls_count_whatever_the_finish_reason_says(finish: str | None) -> None:
    assert read({"tool_calls": [native("read_file", id="1")]}, finish).finish == "calls"


def test_calls_that_were_announced_and_did_not_come_are_asked_for_again() -> None:
    turns = [
        Turn(text="I read it.", finish="tool_calls"),
        Turn(text="I read it.", calls=(Call("read_file", {"path": "a"}),)),
    ]
    with KimiApi(turns) as api:
        assert ask(api).message.calls
    with KimiApi([Turn(text="All done.", finish="tool_calls", times=9)]) as api:
        answer = ask(api)
    assert (answer.finish, answer.message.text, len(api.requests)) == ("stop", "All done.", 3)


def test_thoughts_within_the_text_are_taken_as_reasoning() -> None:
    made = read({"content": "<think>Hm, a bug.</think>\n\nIt is in line 3."})
    assert (made.message.reasoning, made.message.text) == ("Hm, a bug.", "It is in line 3.")
    assert read({"content": "The tag <think> opens a thought."}).message.text.startswith("The tag <think>")
