"""What the client sends, keeps, counts and shows, against the simulated endpoint."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from kimi_mcp.model import errors
from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.messages import Assistant, Call, CallResult, Delta, Image, System, User
from tests.kimi_api import Account, KimiApi, Turn
from tests.kimi_api import Call as Sent
from tests.kimi_api.models import ServedModel
from tests.kimi_mcp.model.asking import (
    GOOD,
    HASTY,
    HISTORY,
    KEY,
    OFFERED,
    READ,
    READS,
    ask,
    connection,
    converse,
)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "reasoning_details"])
def test_reasoning_is_echoed_under_the_name_it_came_by(key: str) -> None:
    turn = Turn(reasoning="First, read the file.", calls=(READS,), reasoning_key=key, split=4)
    with KimiApi([turn, Turn(text="Done.")], flavour="vllm") as api:
        first, _ = converse(api, steps=2)
    assert first.message.reasoning == "First, read the file."
    sent = api.requests[1].body["messages"][2]
    if key == "reasoning_details":
        assert sent[key] == [
            {"type": "reasoning.text", "text": turn.reasoning, "format": "unknown", "index": 0}
        ]
    else:
        assert sent[key] == turn.reasoning
    assert {"reasoning_content", "reasoning", "reasoning_details"} & set(sent) == {key}


@pytest.mark.parametrize("usage", ["top", "details", "choice"])
def test_usage_is_read_wherever_it_stands_and_cached_tokens_cost_less(usage: Any) -> None:
    with KimiApi([replace(GOOD, usage=usage), Turn(text="Done.", usage=usage)]) as api:
        first, second = converse(api, steps=2, model="kimi-k2.6")
    request = api.requests[1]
    assert (second.usage.prompt, second.usage.cached) == (request.prompt_tokens, request.cached_tokens)
    fresh = request.prompt_tokens - request.cached_tokens
    expected = (fresh * 0.95 + request.cached_tokens * 0.16 + second.usage.completion * 4) / 1e6
    assert second.cost == pytest.approx(expected) and request.cached_tokens > 0
    assert not first.usage.estimated


def test_what_a_router_says_it_charged_is_the_cost() -> None:
    with KimiApi([GOOD, Turn(text="Done.")], flavour="openrouter") as api:
        first, second = converse(api, steps=2, model="kimi-k2.6")
    for answer in (first, second):
        total = answer.usage.prompt + answer.usage.completion
        assert answer.cost == pytest.approx(total / 1e6)


def test_a_router_is_asked_for_the_makers_own_endpoint_first() -> None:
    with KimiApi([GOOD], flavour="openrouter") as api:
        ask(api, model="kimi-k2.6")
    assert api.requests[0].body["provider"] == {"order": ["moonshotai"], "allow_fallbacks": True}


def test_a_prompt_that_ollama_cut_in_silence_is_told_with_the_way_out() -> None:
    model = ServedModel("kimi-k2:latest", thinking="none", sees=False, fixed_sampling=False, truncates=4_096)
    history = (System("You fix bugs."), User("def f():\n    return 1\n" * 2_000))
    with (
        KimiApi([GOOD], flavour="ollama", models=[model]) as api,
        pytest.raises(errors.RequestRefused, match=r"reads only 4,096 tokens.*OLLAMA_CONTEXT_LENGTH"),
    ):
        ask(api, history=history)
    with KimiApi([GOOD], flavour="ollama", models=[replace(model, truncates=0)]) as api:
        assert ask(api, history=history).message.calls


def test_a_count_without_what_ollama_had_cached_is_no_cut_prompt() -> None:
    """Ollama 0.30 counted new tokens only (ollama/ollama#16414); its context length tells the difference."""
    history = (System("You fix bugs."), User("def f():\n    return 1\n" * 2_000))
    usage = {"prompt_tokens": 40, "completion_tokens": 5, "total_tokens": 45}
    message = {"role": "assistant", "content": "Hello."}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})
    with KimiApi([Turn(body=body)], flavour="ollama") as api:
        assert ask(api, history=history).message.text == "Hello."


def test_without_usage_the_tokens_are_estimated_and_say_so() -> None:
    with KimiApi([replace(GOOD, usage="none")]) as api:
        usage = ask(api).usage
    assert usage.estimated
    assert 0.5 < usage.prompt / api.requests[0].prompt_tokens < 2


def test_a_loop_breaks_no_rule_and_keeps_its_prefix() -> None:
    def respond(request: Any) -> Turn:
        if request.number % 7 == 3:
            return Turn(
                reasoning="Hm.", calls=(READS, Sent("mcp-search-text", {"words": ["a"]})), leak="content"
            )
        return replace(GOOD, calls=(READS,) * (1 + request.number % 3))

    with KimiApi(respond) as api:
        converse(api, steps=40, result="1: x = 1\n" * 40, model="kimi-k2.6")
    assert not api.refusals
    later = api.requests[5:]
    assert sum(r.cached_tokens for r in later) >= 0.9 * sum(r.prompt_tokens for r in later)


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k2.7-code", "kimi-k3", "kimi-k3.1-pro"])
@pytest.mark.parametrize("thinking", [True, False])
def test_each_model_gets_its_own_dialect_and_no_refusal(model: str, thinking: bool) -> None:
    with KimiApi([GOOD, Turn(text="Done.")]) as api:
        converse(api, steps=2, model=model, thinking=thinking)
    body = api.requests[0].body
    assert not api.refusals
    assert "temperature" not in body and "top_p" not in body
    assert not ("thinking" in body and "reasoning_effort" in body)


def test_a_field_that_a_host_refuses_is_left_out_from_then_on() -> None:
    with KimiApi([Turn(error="invalid_temperature"), GOOD, Turn(text="Done.")], flavour="openrouter") as api:
        first, _ = converse(api, steps=2)
    assert ["temperature" in request.body for request in api.requests] == [True, False, False]
    assert "left out temperature, which the host refuses" in first.notes


def test_a_cap_that_a_host_refuses_is_left_out_and_a_field_is_dropped_only_once() -> None:
    refused = Turn(error="invalid_temperature", message="max_tokens must be at most 4096")
    with KimiApi([refused, GOOD], flavour="vllm") as api:
        ask(api)
    assert "max_tokens" not in api.requests[1].body
    with KimiApi([replace(refused, times=9)], flavour="vllm") as api, pytest.raises(errors.RequestRefused):
        ask(api)
    assert len(api.requests) == 2


def test_moonshot_behind_another_address_gets_the_reasoning_it_asks_for() -> None:
    history = [
        *HISTORY,
        Assistant("", calls=(Call("functions.read_file:0", "read_file", {}, "{}"),)),
        CallResult("functions.read_file:0", "read_file", "1"),
    ]
    with KimiApi([GOOD]) as api:
        answer = ask(api, history=history, kind="other", model="kimi-k3")
    assert "reasoning_content is missing" in api.refusals[-1]
    assert api.requests[-1].body["messages"][2]["reasoning_content"] == ""
    assert answer.message.calls


def test_a_structural_refusal_is_mended_strictly_and_sent_once_more() -> None:
    refused = Turn(error="invalid_thinking", message="Invalid request: tool_call_id x:1 is not found")
    history = [
        *HISTORY,
        Assistant("", calls=(Call("x:1", "read_file", {}, "{}"),)),
        CallResult("x:1", "read_file", "1"),
    ]
    with KimiApi([refused, GOOD]) as api:
        ask(api, history=history)
    assert api.requests[1].body["messages"][2]["tool_calls"][0]["id"] == "functions.read_file:0"
    with KimiApi([replace(refused, times=3)]) as api, pytest.raises(errors.RequestRefused):
        ask(api, history=history)
    assert len(api.requests) == 2


def test_other_hosts_get_sampling_and_ids_in_kimis_form() -> None:
    with KimiApi([GOOD, Turn(text="Done.")], flavour="vllm") as api:
        converse(api, steps=2)
    body = api.requests[1].body
    assert body["temperature"] == 1.0
    assert body["messages"][2]["tool_calls"][0]["id"] == "functions.read_file:0"
    assert body["messages"][3]["tool_call_id"] == "functions.read_file:0"
    assert "prompt_cache_key" not in body


def test_a_prompt_that_leaves_no_room_is_an_overflow_before_it_is_sent() -> None:
    history = [System("You fix bugs."), User("word " * 60_000)]
    with KimiApi([GOOD], models=[ServedModel("kimi-k2.6", window=32_768)]) as api:
        with pytest.raises(errors.ContextOverflow, match="fold it"):
            ask(api, history=history)
        assert not api.requests


def test_a_body_beyond_the_hosts_limit_is_an_overflow_before_it_is_sent() -> None:
    history = [*HISTORY[:1], User("Look.", (Image(b"\x89PNG" * 400_000, "image/png"),))]
    with KimiApi([GOOD]) as api, pytest.raises(errors.ContextOverflow, match="2097152"):
        ask(api, history=history, model="kimi-k2.6")
    assert not api.requests


def test_prompt_and_cap_together_stay_within_the_window() -> None:
    history = [System("You fix bugs."), User("def f(x): return x + 1\n" * 5200)]
    with KimiApi([GOOD, GOOD], models=[ServedModel("kimi-k2.6", window=65_536)]) as api:
        converse(api, steps=2, history=history)
    assert not api.refusals
    for request in api.requests:
        assert request.prompt_tokens + request.body["max_completion_tokens"] <= 65_536


def test_the_cap_sinks_while_tokens_per_minute_are_short() -> None:
    with KimiApi([GOOD, Turn(text="Done.")], account=Account(tpm=40_000, minute=0.2)) as api:
        converse(api, steps=2, limits=replace(HASTY, wait_first=0.02, wait_most=0.05))
    caps = [request.body["max_completion_tokens"] for request in api.requests]
    assert caps[0] == 32_768 and min(caps) <= 16_384


def test_a_redirect_never_carries_the_key_elsewhere() -> None:
    with KimiApi([GOOD]) as other:
        away = Turn(redirect=f"{other.url}/chat/completions")
        with KimiApi([away]) as api, pytest.raises(errors.RequestRefused, match="redirects to"):
            ask(api)
        assert not other.requests


def test_plain_http_is_for_this_machine_only_unless_it_is_allowed() -> None:
    for host in ("http://kimi.example/v1", "http://127.0.0.1.example/v1", "ftp://127.0.0.1/v1"):
        with pytest.raises(errors.RequestRefused, match="not https"):
            asyncio.run(connect(Connection(host=host, limits=HASTY)))
    with KimiApi() as api:
        other = api.url.replace("127.0.0.1", "0.0.0.0")
        with pytest.raises(errors.RequestRefused, match="not https"):
            ask(api, host=other)
        assert asyncio.run(connect(connection(api, host=other, allow_http=True))).name == "kimi-k2.7-code"


def test_the_environment_of_another_companys_library_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with KimiApi([GOOD]) as api:
        ask(api)
    sent = str(api.requests[0].headers)
    assert "secret" not in sent and "sk-openai" not in sent and f"Bearer {KEY}" in sent


def test_a_cancelled_answer_leaves_the_connection_at_once() -> None:
    async def run() -> float:
        async with await connect(connection(api)) as model:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await model.answer(HISTORY, OFFERED)
            started = time.monotonic()
            assert (await model.answer(HISTORY, OFFERED)).message.text == "Let me look."
            return time.monotonic() - started

    with KimiApi([replace(GOOD, stall_at=200), GOOD]) as api:
        assert asyncio.run(run()) < 1


def test_pictures_go_to_models_that_see_and_words_to_the_others() -> None:
    picture = Image(b"\x89PNG\r\n", "image/png")
    history = [
        HISTORY[0],
        User("Why is it red?", (picture,)),
        Assistant("", calls=(Call("a:1", "read_file", {"path": "b.png"}, '{"path": "b.png"}'),)),
        CallResult("a:1", "read_file", "b.png", (picture,)),
    ]
    with KimiApi([GOOD]) as api:
        ask(api, history=history, model="kimi-k2.6")
    seen = api.requests[0].body["messages"]
    assert seen[1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw0K"
    assert seen[3]["content"][1]["type"] == "image_url"
    with KimiApi([GOOD], flavour="vllm") as api:
        ask(api, history=history)
    assert "does not see pictures" in api.requests[0].body["messages"][1]["content"]


def test_nothing_of_a_leaked_call_is_shown_while_it_streams() -> None:
    deltas: list[Delta] = []
    with KimiApi([Turn(text="I read <|it|> now. ", calls=(READS,), leak="content", split=3)]) as api:
        answer = ask(api, deltas=deltas)
    shown = "".join(delta.text for delta in deltas if delta.kind == "text")
    assert shown == "I read <|it|> now. "
    deltas.clear()
    talk = "Kimi writes <|tool_call_begin|> and then <"
    with KimiApi([Turn(text=talk, split=3)]) as api:
        ask(api, deltas=deltas)
    assert "".join(delta.text for delta in deltas) == talk
    assert answer.message.text == "I read <|it|> now." and answer.message.calls[0].recovered


def test_functions_offered_twice_the_same_way_are_sent_as_the_same_bytes() -> None:
    with KimiApi([GOOD, GOOD]) as api:
        converse(api, steps=2, functions=[READ])
    assert api.requests[0].body["tools"] == api.requests[1].body["tools"]


def test_a_result_of_five_megabytes_is_cut_before_it_is_sent() -> None:
    with KimiApi([GOOD, Turn(text="Done.")]) as api:
        converse(api, steps=2, result="first " + "x" * 5_000_000 + " last", model="kimi-k3")
    sent = api.requests[1].body["messages"][-1]["content"]
    assert sent.startswith("first ") and sent.endswith(" last") and "4600011 characters are not shown" in sent
    assert not api.refusals


def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent() -> None:
    for key in ("sk-a b", "sk-ä", "sk-a\nX: y", ""):
        with KimiApi() as api, pytest.raises(errors.KeyRefused, match="copy it again") as caught:
            ask(api, key=SecretStr(key))
        assert not api.listings and (not key or key not in str(caught.value))


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://127.0.0.1:9")
    with pytest.raises(errors.RequestRefused, match="proxy of the environment cannot be used"):
        asyncio.run(connect(Connection(host="https://nowhere.invalid/v1", limits=HASTY)))
