"""Which model is meant, what it wants, and what is said when it is gone."""

import asyncio
from typing import Any

import pytest

from kimi_mcp.model import errors
from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.profiles import Price, Profile, profile_for
from kimi_mcp.model.schema import flavoured
from kimi_mcp.model.thinking import thinking_fields
from tests.kimi_api import KimiApi, Turn
from tests.kimi_api.errors import ApiError
from tests.kimi_api.rules import _check_schema
from tests.kimi_mcp.model.asking import KEY, connection


def found(api: KimiApi, **more: Any) -> Profile:
    async def run() -> Profile:
        async with await connect(connection(api, **more)) as model:
            return model.profile

    return asyncio.run(run())


def test_the_coding_model_is_taken_when_none_is_named() -> None:
    with KimiApi() as api:
        assert found(api).model == "kimi-k2.7-code"
        assert found(api, model="kimi-k3").window == 1_048_576


@pytest.mark.parametrize("name", ["kimi-k2-thinking", "kimi-k2.5", "kimi-k2-0905-preview", "kimi-latest"])
def test_a_retired_model_is_explained_with_what_takes_its_place(name: str) -> None:
    with KimiApi() as api, pytest.raises(errors.NoSuchModel) as caught:
        found(api, model=name)
    assert "retired" in str(caught.value) and "kimi-k2.6 takes its place" in str(caught.value)
    assert "It has: kimi-k2.6, kimi-k2.7-code" in str(caught.value)


def test_a_misspelt_model_is_told_what_there_is() -> None:
    with KimiApi() as api, pytest.raises(errors.NoSuchModel, match=r"does not have 'kimi-k26'\. It has: "):
        found(api, model="kimi-k26")


def test_vendor_and_tag_may_be_left_out() -> None:
    with KimiApi(flavour="openrouter") as api:
        assert found(api, model="kimi-k2.6").model == "moonshotai/kimi-k2.6"
    with KimiApi(flavour="ollama") as api:
        assert found(api, model="kimi-k2").model == "kimi-k2:latest"


def test_a_key_of_another_region_is_explained() -> None:
    with (
        KimiApi(keys=["sk-other"]) as api,
        pytest.raises(errors.KeyRefused, match=r"moonshot\.cn are not") as caught,
    ):
        found(api)
    assert KEY not in str(caught.value)


def test_a_host_without_a_list_is_trusted_with_the_name() -> None:
    with KimiApi([Turn(text="Hello.")], models=["kimi-k2.6"]) as api:
        profile = asyncio.run(connect(Connection(host=api.url + "/none", model="kimi-k2.6"))).profile
    assert profile.window == 262_144


def test_what_the_host_lists_outweighs_the_table() -> None:
    entry = {"context_length": 100_000, "supports_image_in": False}
    profile = profile_for("kimi-k2.6", "https://api.moonshot.ai/v1", entry)
    assert (profile.window, profile.sees, profile.host) == (100_000, False, "moonshot")
    routed = profile_for(
        "moonshotai/kimi-k2.6",
        "https://openrouter.ai/api/v1",
        {"pricing": {"prompt": "0.000001", "completion": "0.000005", "input_cache_read": "0.0000002"}},
    )
    assert routed.price == Price(pytest.approx(1.0), pytest.approx(0.2), pytest.approx(5.0))


HOSTS = {
    "https://api.moonshot.ai/v1": "moonshot",
    "https://api.moonshot.cn/v1": "moonshot",
    "https://api.kimi.com/coding/v1": "kimi-code",
    "https://openrouter.ai/api/v1": "openrouter",
    "http://localhost:11434/v1": "ollama",
    "https://api.moonshot.ai.example/v1": "other",
}


@pytest.mark.parametrize("address", HOSTS)
def test_a_host_is_known_by_its_address(address: str) -> None:
    assert profile_for("kimi-k2.6", address).host == HOSTS[address]


def test_prices_are_known_where_they_are_published_and_nowhere_else() -> None:
    assert profile_for("kimi-k2.6", "https://api.moonshot.ai/v1").price == Price(0.95, 0.16, 4)
    assert profile_for("kimi-k2.6", "https://somewhere.example/v1").price is None
    assert profile_for("kimi-k2", "http://127.0.0.1:8000/v1").price == Price(0, 0, 0)


DIALECTS = [
    ("kimi-k2.5", "moonshot", True, {"thinking": {"type": "enabled"}}),
    ("kimi-k2.6", "moonshot", True, {"thinking": {"type": "enabled", "keep": "all"}}),
    ("kimi-k2.6", "moonshot", False, {"thinking": {"type": "disabled"}}),
    ("kimi-k2.7-code", "moonshot", False, {}),
    ("kimi-k3", "moonshot", True, {"reasoning_effort": "high"}),
    ("kimi-k3", "moonshot", False, {"reasoning_effort": "low"}),
    ("kimi-k2.6", "openrouter", False, {"reasoning": {"enabled": False}}),
    ("kimi-k2.6", "vllm", True, {"chat_template_kwargs": {"thinking": True, "preserve_thinking": True}}),
    ("kimi-k3", "vllm", True, {"chat_template_kwargs": {"thinking": True, "thinking_effort": "high"}}),
    ("kimi-k2-thinking", "vllm", True, {}),
    ("kimi-k2.6", "ollama", False, {"reasoning_effort": "none"}),
    ("kimi-k2.6", "ollama", True, {}),
    ("kimi-k2.6", "other", False, {"chat_template_kwargs": {"thinking": False}}),
    ("kimi-k2.6", "other", True, {}),
    ("llama3", "other", True, {}),
]


@pytest.mark.parametrize(("model", "host", "wanted", "fields"), DIALECTS)
def test_thinking_is_said_in_each_hosts_dialect(model: str, host: Any, wanted: bool, fields: Any) -> None:
    assert thinking_fields(profile_for(model, "https://x.example/v1", host=host), wanted, "") == fields


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {}}},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
    {"type": "object", "properties": {"a": {"enum": ["x", 1, None]}}},
    {"type": "object", "properties": {"a": {"const": 3}}},
    {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"items": {"properties": {"c": True}}}},
    },
    {
        "$defs": {"P": {"properties": {"x": {"$ref": "#/$defs/P"}, "y": {"type": "integer"}}}},
        "properties": {"p": {"$ref": "#/$defs/P"}, "q": {"type": "array", "items": {"$ref": "#/$defs/P"}}},
    },
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_any_schema_is_brought_into_the_subset(schema: dict[str, Any]) -> None:
    try:
        _check_schema(flavoured(schema), "")
    except ApiError as error:
        pytest.fail(error.message)
