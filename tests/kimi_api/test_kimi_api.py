"""The simulated endpoint is itself under test: a lenient judge would prove nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.kimi_api import Account, Call, KimiApi, Turn, load_script
from tests.kimi_api.errors import ERRORS
from tests.kimi_api.models import ServedModel

READ = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
USER = {"role": "user", "content": "Read a.py."}


def client(api: KimiApi) -> openai.OpenAI:
    return openai.OpenAI(base_url=api.url, api_key="sk-test", max_retries=0)


def chat(api: KimiApi, messages: list[Any], **more: Any) -> Any:
    return client(api).chat.completions.create(
        model=more.pop("model", "kimi-k2.6"), messages=messages, tools=more.pop("tools", [READ]), **more
    )


def asked(identity: str = "functions.read_file:0", **more: Any) -> dict[str, Any]:
    function = {"name": "read_file", "arguments": '{"path": "a.py"}'}
    call = {"id": identity, "type": "function", "function": function}
    return {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": "Hm.", **more}


def result(identity: str = "functions.read_file:0") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": "1: x = 1"}


def test_a_turn_arrives_the_same_streamed_and_whole() -> None:
    turn = Turn(
        text="Look.", reasoning="I must read it.", calls=(Call("read_file", {"path": "a.py"}),), times=2
    )
    with KimiApi([turn]) as api:
        whole = chat(api, [USER]).choices[0]
        chunks = list(chat(api, [USER], stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    calls = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
    assert "".join(delta.content or "" for delta in deltas) == whole.message.content == "Look."
    reasoning = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert reasoning == whole.message.reasoning_content == "I must read it."
    assert calls[0].id == whole.message.tool_calls[0].id == "functions.read_file:0"
    assert "".join(call.function.arguments for call in calls) == '{"path": "a.py"}'
    assert whole.finish_reason == "tool_calls"
    assert chunks[-1].usage.prompt_tokens > 0


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_each_error_kind_comes_with_its_own_status_and_body(kind: str) -> None:
    with KimiApi([Turn(error=kind)]) as api, pytest.raises(openai.APIStatusError) as caught:
        chat(api, [USER])
    assert caught.value.status_code == ERRORS[kind].status
    assert caught.value.body == ERRORS[kind].body["error"]


BAD_HISTORIES = {
    "an orphan result": ([USER, result()], "tool_call_id functions.read_file:0 is not found"),
    "a call without a result": ([USER, asked(), USER], "did not have response messages"),
    "two results of one call": ([USER, asked(), result(), result()], "is not found"),
    "an empty assistant message": ([USER, {"role": "assistant", "content": ""}], "must not be empty"),
    "missing reasoning": ([USER, asked(reasoning_content=None), result()], "reasoning_content is missing"),
    "arguments that are no JSON": (
        [
            USER,
            {
                **asked(),
                "tool_calls": [{**asked()["tool_calls"][0], "function": {"name": "f", "arguments": "{"}}],
            },
        ],
        "must be a JSON object",
    ),
    "no messages": ([], "messages must not be empty"),
}


@pytest.mark.parametrize("name", BAD_HISTORIES)
def test_a_history_that_the_real_endpoint_refuses_is_refused(name: str) -> None:
    messages, words = BAD_HISTORIES[name]
    with KimiApi([Turn(text="fine")]) as api, pytest.raises(openai.BadRequestError, match=words):
        chat(api, messages)
    assert api.refusals


def test_reasoning_may_be_an_empty_string_and_may_be_missing_before_the_last_user_message() -> None:
    old = [USER, asked(reasoning_content=None), result()]
    with KimiApi([Turn(text="fine", times=2)]) as api:
        chat(
            api,
            [
                *old,
                USER,
                asked("functions.read_file:1", reasoning_content=""),
                result("functions.read_file:1"),
            ],
        )
        with pytest.raises(openai.BadRequestError, match="reasoning_content is missing"):
            chat(api, [*old, USER], model="kimi-k3")


BAD_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "a temperature": ({"temperature": 0.2}, "invalid temperature: only 1 is allowed"),
    "a temperature without thinking": (
        {"temperature": 1.0, "extra_body": {"thinking": {"type": "disabled"}}},
        "invalid temperature: only 0.6 is allowed",
    ),
    "a duplicate function": ({"tools": [READ, READ]}, "function name read_file is duplicated"),
    "thinking off where it can't be": (
        {"model": "kimi-k2.7-code", "extra_body": {"thinking": {"type": "disabled"}}},
        "only type=enabled is allowed",
    ),
    "both thinking dialects": (
        {"model": "kimi-k3", "reasoning_effort": "low", "extra_body": {"thinking": {"type": "enabled"}}},
        "must not be given together",
    ),
    "a body over 2 MB": (
        {"messages": [{"role": "user", "content": "x" * 2_100_000}]},
        "exceeds limit 2097152",
    ),
    "an answer cap beyond the window": ({"max_tokens": 262_144}, "exceeds the model's context length"),
    "a property without a type": (
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}},
                }
            ]
        },
        "properties.a': type is not defined",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_request_that_the_real_endpoint_refuses_is_refused(name: str) -> None:
    options, words = BAD_REQUESTS[name]
    options = dict(options)
    messages = options.pop("messages", [USER])
    with KimiApi([Turn(text="fine")]) as api, pytest.raises(openai.BadRequestError, match=words):
        chat(api, messages, **options)


def test_a_retired_or_unknown_model_is_a_404() -> None:
    with KimiApi([Turn(text="fine")]) as api, pytest.raises(openai.NotFoundError, match="kimi-k2-thinking"):
        chat(api, [USER], model="kimi-k2-thinking")


def test_the_cache_serves_the_common_prefix_and_nothing_after_the_first_change() -> None:
    long = {"role": "user", "content": "word " * 4000}
    with KimiApi([Turn(text="fine", times=4)]) as api:
        chat(api, [long])
        chat(api, [long, {"role": "assistant", "content": "ok"}, USER])
        chat(api, [{"role": "system", "content": "new"}, long])
        chat(api, [long], extra_body={"prompt_cache_key": "another session"})
    first, second, changed, other = api.requests
    assert first.cached_tokens == 0
    assert first.prompt_tokens * 0.99 <= second.cached_tokens <= first.prompt_tokens
    assert changed.cached_tokens < 0.02 * changed.prompt_tokens
    assert other.cached_tokens == 0


def test_tokens_per_minute_are_charged_with_the_cap_and_not_with_what_was_made() -> None:
    with KimiApi([Turn(text="fine", times=9)], account=Account(tpm=100_000)) as api:
        chat(api, [USER], max_completion_tokens=60_000)
        with pytest.raises(openai.RateLimitError, match="TPM rate limit"):
            chat(api, [USER], max_completion_tokens=60_000)
        chat(api, [USER], max_completion_tokens=30_000)


def test_requests_per_minute_are_limited_with_a_retry_after() -> None:
    with KimiApi([Turn(text="fine", times=9)], account=Account(rpm=1)) as api:
        chat(api, [USER])
        with pytest.raises(openai.RateLimitError, match="max RPM: 1") as caught:
            chat(api, [USER])
    assert 55 <= int(caught.value.response.headers["retry-after"]) <= 60


def test_a_key_of_another_region_is_refused() -> None:
    with KimiApi([Turn()], keys=["sk-right"]) as api, pytest.raises(openai.AuthenticationError):
        client(api).models.list()


def test_a_script_from_a_file_is_served_by_hand(tmp_path: Path) -> None:
    script = tmp_path / "turns.json"
    script.write_text(
        json.dumps(
            {
                "models": [{"id": "kimi-k9", "window": 1000, "thinking": "none"}],
                "turns": [{"calls": [{"name": "read_file", "arguments": {"path": "b.py"}}]}],
            }
        )
    )
    command = [sys.executable, "-m", "tests.kimi_api", "--script", str(script), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[3]
            answer = openai.OpenAI(base_url=url, api_key="sk", max_retries=0).chat.completions.create(
                model="kimi-k9", messages=[{"role": "user", "content": "hi"}]
            )
        finally:
            server.terminate()
    assert answer.choices[0].message.tool_calls is not None
    assert answer.choices[0].message.tool_calls[0].id == "functions.read_file:0"


def test_the_example_script_is_a_whole_session() -> None:
    turns, options = load_script(Path(__file__).parent / "example.json")
    with KimiApi(turns, **options) as api:
        first = chat(api, [USER], stream=False).choices[0]
        with pytest.raises(openai.RateLimitError):
            chat(api, [USER])
        last = chat(api, [USER, asked(), result()]).choices[0]
    assert first.finish_reason == "tool_calls" and last.message.content.startswith("The first line")


def test_tokens_are_counted_on_request() -> None:
    with KimiApi() as api:
        counted = client(api).post(
            "/tokenizers/estimate-token-count",
            cast_to=object,
            body={"model": "kimi-k2.6", "messages": [{"role": "user", "content": "word " * 100}]},
        )
    assert 100 <= counted["data"]["total_tokens"] <= 150  # type: ignore[index]


def test_a_misspelt_field_in_a_script_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "turns.json"
    script.write_text('[{"txt": "hi"}]')
    with pytest.raises(ValueError, match="A turn has no txt"):
        load_script(script)


def test_a_host_of_open_weights_keeps_its_own_shapes() -> None:
    with KimiApi([Turn(reasoning="Hm.", calls=(Call("read_file"),))], flavour="vllm") as api:
        listing = client(api).models.list().data[0]
        answer = chat(api, [USER], model=listing.id, temperature=0.2).choices[0].message
    assert listing.max_model_len == ServedModel("x").window  # type: ignore[attr-defined]
    assert answer.reasoning == "Hm."
    assert answer.tool_calls[0].id.startswith("chatcmpl-tool-")
