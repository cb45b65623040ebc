"""What goes wrong between a host and the client, over real sockets: tried again, healed, or told."""

import asyncio
import email.utils
import random
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from kimi_mcp.model import errors
from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.messages import CallResult, Delta, User
from kimi_mcp.model.refusals import asked_wait, backoff
from tests.kimi_api import Call as Sent
from tests.kimi_api import KimiApi, Turn
from tests.kimi_api.errors import ERRORS
from tests.kimi_mcp.model.asking import (
    GOOD,
    HASTY,
    HISTORY,
    KEY,
    OFFERED,
    READS,
    ask,
    connection,
)

RETRIED = {
    "concurrency", "rpm", "tpm", "engine_overloaded_error", "request_timeout", "conflict", "server_error",
    "unexpected_output", "bad_gateway", "server_unavailable", "gateway_timeout", "overloaded",
}  # fmt: skip
FINAL = {
    "invalid_authentication_error": errors.KeyRefused,
    "incorrect_api_key_error": errors.KeyRefused,
    "membership": errors.QuotaExhausted,
    "permission_denied_error": errors.KeyRefused,
    "coding_agents_only": errors.KeyRefused,
    "usage_limit": errors.QuotaExhausted,
    "resource_not_found_error": errors.NoSuchModel,
    "exceeded_current_quota_error": errors.QuotaExhausted,
    "tpd": errors.QuotaExhausted,
    "content_filter": errors.Filtered,
    **{kind: errors.ContextOverflow for kind in ERRORS if kind.startswith("overflow")},
}
HEALED = {"invalid_thinking", "invalid_temperature"}


def test_every_error_kind_of_the_endpoint_has_its_verdict() -> None:
    assert RETRIED | set(FINAL) | HEALED == set(ERRORS)


@pytest.mark.parametrize("kind", sorted(RETRIED))
def test_what_a_host_cannot_do_for_now_is_tried_again(kind: str) -> None:
    deltas: list[Delta] = []
    with KimiApi([Turn(error=kind, retry_after="0.01", times=2), GOOD]) as api:
        answer = ask(api, deltas=deltas)
    assert answer.message.calls[0].arguments == {"path": "a.py"}
    assert len(api.requests) == 3
    assert [note[:16] for note in answer.notes] == ["attempt 1 failed", "attempt 2 failed"]
    assert "(2 of 10)" in [delta for delta in deltas if delta.kind == "retry"][1].text


@pytest.mark.parametrize("kind", sorted(FINAL))
def test_what_will_not_pass_is_never_tried_again(kind: str) -> None:
    with KimiApi([Turn(error=kind), GOOD]) as api, pytest.raises(FINAL[kind]) as caught:
        ask(api)
    assert len(api.requests) == 1
    assert KEY not in str(caught.value)


def test_a_subscription_that_does_not_take_this_client_is_explained() -> None:
    with KimiApi([Turn(error="coding_agents_only")]) as api, pytest.raises(errors.KeyRefused) as caught:
        ask(api)
    assert "only the clients on its own list" in str(caught.value)
    assert "--base-url moonshot" in str(caught.value)


def test_attempts_end_and_the_last_reason_is_told() -> None:
    with KimiApi([Turn(error="overloaded", times=99)]) as api, pytest.raises(errors.Unreachable) as caught:
        ask(api, limits=replace(HASTY, retries=3))
    assert len(api.requests) == 4
    assert "Overloaded" in str(caught.value) and "after 4 attempts" in str(caught.value)


def test_the_total_limit_holds_over_all_attempts() -> None:
    started = time.monotonic()
    with (
        KimiApi([Turn(error="rpm", retry_after="86400", times=99)]) as api,
        pytest.raises(errors.Unreachable),
    ):
        ask(api, limits=replace(HASTY, total=0.4, wait_cap=0.15))
    assert time.monotonic() - started < 2
    assert 2 <= len(api.requests) <= 4


def test_a_host_is_waited_for_as_it_asks_and_never_longer_than_a_minute() -> None:
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert asked_wait({"retry-after": "2"}, "") == 2
    assert 27 <= (asked_wait({"retry-after": soon}, "") or 0) <= 30
    assert asked_wait({"retry-after": email.utils.formatdate(0, usegmt=True)}, "") == 0
    assert asked_wait({}, "please try again after 7 seconds") == 7
    assert asked_wait({"retry-after": "soon"}, "overloaded") is None
    waits: dict[str, Any] = {"first": 0.5, "most": 32, "cap": 60}
    assert backoff(1, 2, **waits) == 2
    assert backoff(1, 86400, **waits) == 60
    without = [backoff(attempt, None, **waits) for attempt in range(1, 12)]
    assert all(
        0.75 * expected <= wait <= 1.25 * expected
        for wait, expected in zip(without, (0.5, 1, 2, 4, 8, 16, 32, 32, 32, 32, 32), strict=True)
    )
    assert len({backoff(3, None, **waits) for _ in range(20)}) > 10


def test_a_stall_ends_at_the_idle_limit_and_is_tried_again() -> None:
    with KimiApi([replace(GOOD, stall_at=300), GOOD]) as api:
        answer = ask(api, limits=replace(HASTY, idle=0.2))
    assert "sent nothing for 0.2 s" in answer.notes[0]
    assert answer.message.text == "Let me look."


def test_a_drip_that_never_idles_ends_at_the_total_limit() -> None:
    with (
        KimiApi([replace(GOOD, write=1, drip=0.02)]) as api,
        pytest.raises(errors.Unreachable, match="longer than"),
    ):
        ask(api, limits=replace(HASTY, total=0.5, idle=0.3))


def test_nothing_listening_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://localhost:{taken.getsockname()[1]}/v1"
    with pytest.raises(errors.Unreachable, match="Nothing listens at http://localhost"):
        asyncio.run(connect(Connection(host=url, model="kimi-k2.6", limits=HASTY)))


def test_an_unknown_name_and_a_broken_tls_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with KimiApi() as api, pytest.raises(errors.Unreachable, match="does not speak TLS"):
        asyncio.run(connect(Connection(host=api.url.replace("http", "https"), limits=HASTY)))

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks a real name server
    with pytest.raises(errors.Unreachable, match=r"name of https://nowhere\.invalid/v1 is not known"):
        asyncio.run(connect(Connection(host="https://nowhere.invalid/v1", limits=HASTY)))


def test_a_host_that_takes_the_connection_and_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with pytest.raises(errors.Unreachable, match=r"sent nothing for 0\.1 s"):
            asyncio.run(connect(Connection(host=url, limits=replace(HASTY, idle=0.1))))


def stream_length() -> int:
    with KimiApi([GOOD]) as api:
        ask(api)
        from tests.kimi_api.answers import Answered

        return len(Answered(GOOD, api.requests[0], "moonshot").stream())


@pytest.mark.parametrize("hard", [False, True])
def test_a_connection_that_breaks_at_any_byte_is_taken_up_again(hard: bool) -> None:
    cuts = [-1, *range(0, stream_length() - 20, 41)]
    turns = [turn for cut in cuts for turn in (replace(GOOD, cut_at=cut, reset=hard), GOOD)]
    with KimiApi(turns) as api:
        for answer in converse_anew(api, len(cuts)):
            assert answer.message.calls[0].arguments == {"path": "a.py"}
            assert answer.message.text == "Let me look."
    assert not api.refusals


def converse_anew(api: KimiApi, times: int) -> list[Any]:
    async def run() -> list[Any]:
        async with await connect(connection(api)) as model:
            return [await model.answer(HISTORY, OFFERED) for _ in range(times)]

    return asyncio.run(run())


def test_the_stream_may_be_split_at_every_byte() -> None:
    rich = Turn(
        text="Größe 你好 🎉 \u2028 Ende",
        reasoning="想一想\u0085",
        calls=(Sent("read_file", {"path": "你好.py"}),),
        split=7,
    )
    length = len("x") * 1400
    with KimiApi([replace(rich, write=size) for size in (*range(1, 40), *range(40, length, 13))]) as api:
        answers = converse_anew(api, 39 + len(range(40, length, 13)))
    assert {answer.message.text for answer in answers} == {rich.text}
    assert {answer.message.reasoning for answer in answers} == {rich.reasoning}
    assert all(answer.message.calls[0].arguments == {"path": "你好.py"} for answer in answers)


HALF_A_CALL = {"index": 0, "function": {"name": "read_file", "arguments": '{"pa'}}

BROKEN = {
    "a chunk that is not JSON": Turn(chunks=['data: {"choices": [{"delta": {"cont\n\n']),
    "a chunk with half a character": Turn(body=b"data: \xff\xfe\n\n", content_type="text/event-stream"),
    "a chunk with a number beyond measure": Turn(chunks=[f"data: {'9' * 5000}\n\n"]),
    "a chunk nested beyond measure": Turn(chunks=[f"data: {'[' * 100_000}\n\n"]),
    "an error object in the stream": replace(GOOD, error_at=3, error="engine_overloaded_error"),
    "200 with an error as JSON": Turn(body='{"error": {"message": "busy", "type": "server_error"}}'),
    "200 with a page": Turn(body="<html>Sign in</html>", content_type="text/html"),
    "500 with a page": Turn(body="<html>Oops</html>", content_type="text/html", status=500),
    "502 with nothing": Turn(body="", status=502),
    "a stream that ends within a call": Turn(chunks=[{"choices": [{"delta": {"tool_calls": [HALF_A_CALL]}}]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_asked_for_again_and_nothing_of_it_is_kept(name: str) -> None:
    with KimiApi([BROKEN[name], GOOD]) as api:
        answer = ask(api)
    assert (answer.message.text, len(answer.message.calls)) == ("Let me look.", 1)
    assert answer.notes[0].startswith("attempt 1 failed")


def test_an_error_page_is_quoted_short_and_without_the_key() -> None:
    page = f"<html>{KEY} {'x' * 5000}</html>"
    with KimiApi([Turn(body=page, status=400)]) as api, pytest.raises(errors.RequestRefused) as caught:
        ask(api)
    assert "400" in str(caught.value) and "***" in str(caught.value)
    assert KEY not in str(caught.value) and len(str(caught.value)) < 400


def test_a_stream_without_any_chunk_is_asked_for_whole_so_that_the_reason_is_told() -> None:
    """As llama-cpp-python's server does: 200 and nothing, where the same request unstreamed is a 400."""
    with (
        KimiApi([Turn(chunks=[]), Turn(error="overflow_openai")]) as api,
        pytest.raises(errors.ContextOverflow),
    ):
        ask(api)
    assert [request.body.get("stream", False) for request in api.requests] == [True, False]
    with KimiApi([Turn(chunks=[]), GOOD]) as api:
        assert ask(api).message.calls


def test_a_host_that_does_not_stream_is_understood() -> None:
    body = '{"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}'
    with KimiApi([Turn(body=body)]) as api:
        assert ask(api).message.text == "Hello."


EMPTY = {
    "choices is empty": Turn(choices=[]),
    "choices is missing": Turn(choices="missing"),
    "the message is null": Turn(
        choices=[{"index": 0, "message": None, "delta": None, "finish_reason": "stop"}]
    ),
    "the content is null": Turn(choices=[{"index": 0, "delta": {"content": None}, "finish_reason": "stop"}]),
    "nothing but reasoning": Turn(reasoning="I think that is all."),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_answer_is_nudged_and_at_most_twice(name: str) -> None:
    with KimiApi([replace(EMPTY[name], times=2), GOOD]) as api:
        assert ask(api).message.text == "Let me look."
    assert api.requests[-1].body["messages"][-1]["content"].startswith("Your last answer was empty")
    with (
        KimiApi([replace(EMPTY[name], times=9)]) as api,
        pytest.raises(errors.Unreachable, match="3 answers"),
    ):
        ask(api)
    assert len(api.requests) == 3


def test_a_filtered_answer_stops_with_the_reason() -> None:
    with KimiApi([Turn(finish="content_filter")]) as api, pytest.raises(errors.Filtered):
        ask(api)


def test_an_answer_cut_at_its_limit_is_continued_where_it_stopped() -> None:
    with KimiApi([Turn(text="The bug is in ", finish="length"), Turn(text="line 12.")]) as api:
        answer = ask(api)
    assert answer.message.text == "The bug is in line 12."
    assert api.requests[1].body["messages"][-1] == {
        "role": "assistant", "content": "The bug is in ", "partial": True,
    }  # fmt: skip
    assert answer.usage.prompt == sum(request.prompt_tokens for request in api.requests)


def test_a_call_cut_at_the_limit_is_asked_for_again_with_twice_the_room_and_at_most_twice() -> None:
    cut = Turn(calls=(Sent("read_file", '{"path": "a'),), finish="length")
    with KimiApi([cut, GOOD]) as api:
        assert ask(api).message.calls[0].arguments == {"path": "a.py"}
    caps = [request.body["max_completion_tokens"] for request in api.requests]
    assert caps == [32_768, 65_536]
    with KimiApi([replace(cut, times=9)]) as api:
        call = ask(api).message.calls[0]
    assert len(api.requests) == 3
    assert call.arguments is None and "cut off after 11 characters" in call.problem


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3"])
def test_a_run_through_every_passing_fault_breaks_no_rule(model: str) -> None:
    """120 steps; every second one meets a fault; results get lost, doubled and swapped on the way."""
    chance = random.Random(7)
    faults = [
        *(Turn(error=kind, retry_after="0.001") for kind in sorted(RETRIED)),
        *BROKEN.values(),
        *EMPTY.values(),
        replace(GOOD, cut_at=200),
        replace(GOOD, cut_at=-1, reset=True),
        Turn(text="Half a sen", finish="length"),
        Turn(calls=(Sent("read_file", '{"path": "a'),), finish="length"),
        Turn(text="Calling.", finish="tool_calls"),
    ]
    answers = [
        GOOD,
        Turn(calls=(READS, READS, Sent("read_file", "{'path': 'b.py',}"))),
        Turn(reasoning="Hm.", calls=(READS,), leak="content"),
        Turn(calls=(READS,), leak="reasoning", leak_form="k3"),
        Turn(calls=(Sent("read_file", {"path": "a.py"}, id="same"), Sent("nothing", {}, id="same"))),
        Turn(text="One moment."),
        replace(GOOD, finish="stop", usage="choice"),
        replace(GOOD, finish=None, usage="none"),
    ]

    def respond(request: Any) -> Turn:
        return chance.choice(faults if request.number % 2 else answers)

    async def run() -> int:
        messages: list[Any] = [*HISTORY]
        steps = 0
        async with await connect(connection(api, model=model)) as link:
            for _ in range(120):
                answer = await link.answer(messages, OFFERED)
                steps += 1
                results = [CallResult(call.id, call.name, "1: x = 1") for call in answer.message.calls]
                chance.shuffle(results)
                messages += [answer.message, *results[: chance.choice([1, 2, 3])]]
                if chance.random() < 0.2:
                    messages.append(
                        chance.choice([CallResult("lost", "read_file", "x"), User("Go on."), User("")])
                    )
        return steps

    with KimiApi(respond) as api:
        assert asyncio.run(run()) == 120
    assert not api.refusals
