"""A history that hosts would refuse is mended before it is sent; a sound one is left alone."""

from hypothesis import given
from hypothesis import strategies as st

from kimi_mcp.model.history import CANCELLED, mended
from kimi_mcp.model.messages import Assistant, Call, CallResult, Message, System, User
from kimi_mcp.model.profiles import Profile
from kimi_mcp.model.wire import Writer
from tests.kimi_api import rules
from tests.kimi_api.models import ServedModel


def call(identity: str, name: str = "read_file") -> Call:
    return Call(identity, name, {}, "{}")


def result(identity: str, text: str = "1: x") -> CallResult:
    return CallResult(identity, "read_file", text)


START = [System("You fix bugs."), User("Fix it.")]


def test_a_sound_history_comes_back_as_the_same_objects() -> None:
    sound = [
        *START,
        Assistant("Look.", "Hm.", (call("a"), call("b"))),
        result("a"),
        result("b"),
        User("Go on."),
    ]
    assert all(new is old for new, old in zip(mended(sound), sound, strict=True))


def test_results_are_put_in_the_order_of_their_calls() -> None:
    history = [*START, Assistant("", calls=(call("a"), call("b"))), result("b"), User("Faster."), result("a")]
    assert mended(history)[3:] == [result("a"), result("b"), User("Faster.")]


def test_a_call_without_a_result_gets_one() -> None:
    history = [*START, Assistant("", calls=(call("a"), call("b"))), result("a")]
    assert mended(history)[-1] == result("b", CANCELLED)


def test_results_without_a_call_and_second_results_go() -> None:
    history = [
        *START,
        result("x"),
        Assistant("", calls=(call("a"),)),
        result("a"),
        result("a", "again"),
        result("y"),
    ]
    assert [message for message in mended(history) if isinstance(message, CallResult)] == [result("a")]


def test_empty_messages_go() -> None:
    history = [*START, Assistant("  ", reasoning="Hm."), User(""), Assistant("Done.")]
    assert mended(history) == [*START, Assistant("Done.")]


def test_an_id_that_comes_twice_is_changed_with_its_result() -> None:
    history = [
        *START,
        Assistant("", calls=(call("a"), call("a"))),
        result("a", "first"),
        result("a", "second"),
        Assistant("", calls=(call("a"),)),
        result("a", "third"),
    ]
    sound = mended(history)
    calls = [c.id for message in sound if isinstance(message, Assistant) for c in message.calls]
    results = [(message.call_id, message.text) for message in sound if isinstance(message, CallResult)]
    assert calls == ["a", "functions.read_file:1", "functions.read_file:2"]
    assert results == list(zip(calls, ["first", "second", "third"], strict=True))


def test_ids_by_position_do_not_change_when_the_history_grows() -> None:
    history: list[Message] = [*START]
    earlier: list[Message] = []
    for step in range(5):
        history += [
            Assistant("", calls=(call(f"x{step}"), call(f"y{step}"))),
            result(f"x{step}"),
            result(f"y{step}"),
        ]
        sound = mended(history, positional_ids=True)
        assert sound[: len(earlier)] == earlier
        earlier = sound


IDS = st.sampled_from(["", "a", "b", "functions.read_file:0"])
MESSAGES = st.lists(
    st.one_of(
        st.builds(User, st.sampled_from(["", "Go on."])),
        st.builds(System, st.sampled_from(["", "Rules."])),
        st.builds(
            Assistant,
            st.sampled_from(["", "Text."]),
            st.sampled_from(["", "Hm."]),
            st.lists(st.builds(call, IDS), max_size=3).map(tuple),
        ),
        st.builds(result, IDS, st.sampled_from(["", "x"])),
    ),
    max_size=12,
)


@given(MESSAGES, st.booleans())
def test_no_mended_history_breaks_a_rule_of_the_endpoint(history: list[Message], positional: bool) -> None:
    import json

    sound = mended([User("Start."), *history], positional_ids=positional)
    profile = Profile("kimi-k3", reasoning_key="reasoning_content")
    body = Writer(profile, thinking=True).body(sound, [], {})
    rules.check(json.loads(body), len(body), ServedModel("kimi-k3", thinking="effort"))
    assert mended(sound, positional_ids=positional) == sound
