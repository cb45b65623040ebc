"""The model's own first look at the likely places: asked once, bounded, never a reason for a run to fail."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import State
from kimi_mcp.agent.watch import Inbox
from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.messages import Model
from kimi_mcp.runs import rerank as asking
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.rerank import chosen, rerank
from kimi_mcp.runs.work import work
from kimi_tools.symbols.locate import Candidate
from tests.kimi_api import Account, Call, KimiApi, Turn
from tests.kimi_mcp.agent.conftest import BUGGY, FIX, REPRODUCE

MakeRepository = Callable[[dict[str, str | bytes]], Path]

NAMES = ("a.py", "b.py", "c.py", "d.py")
CANDIDATES = [Candidate(name, f"{name}\n    f: def f()  # Does it.") for name in NAMES]


def asked(
    api: KimiApi, model: str = "kimi-k2.6", budget: ev.Budget | None = None, **more: Any
) -> ev.Reranked:
    """Ask a model at the endpoint for its order of four files."""

    async def ask() -> ev.Reranked:
        kind: Any = api.flavour  # an address of this machine does not tell which host's rules hold
        async with await connect(Connection(api.url, model, SecretStr("sk-x"), kind, **more)) as client:
            return await rerank(client, "add is wrong", CANDIDATES, budget or ev.Budget())

    return anyio.run(ask)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3, 1, 2", [3, 1, 2]),
        ("3", [3]),
        ("  [ 4,2 ]", [4, 2]),
        ("3\n1\n2\n", [3, 1, 2]),
        ("1. 12\n2. 5\n3. 33", [12, 5, 33]),
        ("- 12\n- 5", [12, 5]),
        ("```\n7, 40\n```", [7, 40]),
        ('```json\n{"order": [7, 40]}\n```', [7, 40]),
        ("**7, 40**.", [7, 40]),
        ("7 > 40 > 1", [7, 40, 1]),
        ("7 40 1", [7, 40, 1]),
        ("3, 3, 1, 3", [3, 1]),
        ("0, 41, 999, 12345, 5", [5]),
        ("-5, 7", [5, 7]),
        ("1, 2, 3, 4, 5, 6, 7, 8", [1, 2, 3, 4, 5, 6]),
        ("<think>Maybe 1, 2, 3.</think>\n5, 6", [5, 6]),
        ("It is 1, 2, 3, 4.\n</think>\n5, 6", [5, 6]),
        ("Of the 40 files, line 12 of two looks wrong; my answer is 5, 6, 7.", [5, 6, 7]),
        ("Of the 40 files, line 12 of two looks wrong:\n\n5\n", [5]),
        ("The 3 files are in a/b.py:12, 13 and c.py", []),
        ("I cannot say which of the 40 files it is.", []),
        ("１, ２", [1, 2]),
        ("", []),
    ],
)
def test_an_answers_numbers_are_found_and_nothing_else_is_taken_for_them(
    text: str, numbers: list[int]
) -> None:
    assert chosen(text, 40) == numbers


@pytest.mark.parametrize(
    "text", ["1, " * 50_000, "1\n" * 50_000, " " * 100_000, "</think>" * 20_000, "- " * 50_000]
)
def test_an_answer_of_any_length_is_read_in_time(text: str) -> None:
    began = time.process_time()
    assert len(chosen(text, 40)) <= asking.CHOSEN
    assert time.process_time() - began < 5


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k2.7-code", "kimi-k3", "kimi-k3.1-pro"])
@pytest.mark.parametrize("thinking", [True, False])
def test_every_model_is_asked_in_its_own_dialect_without_thinking_where_it_can(
    model: str, thinking: bool
) -> None:
    with KimiApi([Turn(text="3, 1")]) as api:
        event = asked(api, model, thinking=thinking)
        assert (event.order, event.problem, api.refusals) == (("c.py", "a.py"), "", [])
        body = api.requests[0].body
    assert event.usage.prompt > 0
    assert "tools" not in body
    can_stop = model == "kimi-k2.6"
    assert (body.get("thinking") == {"type": "disabled"}) == can_stop
    assert body["max_completion_tokens"] == (512 if can_stop else 4_096)
    shown = body["messages"][1]["content"]
    assert "<issue>\nadd is wrong\n</issue>" in shown
    assert "3. c.py\n    f: def f()  # Does it." in shown


@pytest.mark.parametrize("flavour", ["openrouter", "vllm", "ollama"])
def test_hosts_of_open_weights_are_asked_too(flavour: Any) -> None:
    with KimiApi([Turn(text="2")], flavour=flavour) as api:
        assert asked(api, "").order == ("b.py",)


@pytest.mark.parametrize(
    ("turn", "problem"),
    [
        (Turn(text=""), "the model's answer was empty"),
        (Turn(text="", reasoning="I think so."), "the model's answer was empty"),
        (Turn(text="<think>1, 2"), "the model's answer was empty"),
        (Turn(text="All of them."), "the model's answer names no place: All of them."),
        (Turn(text="9, 99"), "the model's answer names no place: 9, 99"),
        (Turn(text="1, 2", finish="length"), "the model's answer was cut at its limit of tokens"),
        (Turn(text="1", finish="content_filter"), "the host's content filter stopped the answer"),
    ],
)
def test_an_answer_that_names_no_place_is_paid_once_and_not_asked_for_again(turn: Turn, problem: str) -> None:
    with KimiApi([turn, Turn(text="1")]) as api:
        event = asked(api)
        assert len(api.requests) == 1
    assert (event.order, event.problem) == ((), problem)
    assert event.usage.prompt > 0
    assert event.cost


@pytest.mark.parametrize("error", ["rpm", "server_error", "overloaded", "bad_gateway"])
def test_what_the_host_cannot_do_for_now_is_tried_again_and_soon_given_up(error: str) -> None:
    with KimiApi([Turn(error=error, retry_after="0"), Turn(text="2")]) as api:
        assert asked(api).order == ("b.py",)
    with KimiApi([Turn(error=error, retry_after="0", times=9)]) as api:
        event = asked(api)
        assert len(api.requests) == 3
    assert event.order == ()
    assert "Given up after 3 attempts" in event.problem


@pytest.mark.parametrize(
    "error", ["exceeded_current_quota_error", "incorrect_api_key_error", "overflow_input"]
)
def test_a_refusal_is_the_problem_and_no_exception(error: str) -> None:
    with KimiApi([Turn(error=error)]) as api:
        assert asked(api).problem


@pytest.mark.parametrize(
    "slow", [Turn(text="2", delay=30), Turn(text="2", stall_at=40), Turn(text="2" * 900, drip=0.1, write=9)]
)
def test_a_slow_answer_is_not_waited_for(slow: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    with KimiApi([slow]) as api:
        event = asked(api)
    assert event.problem == "the model gave no answer within 0.3 s"
    assert event.seconds < 5


def test_the_question_takes_a_tenth_of_the_runs_time_at_most() -> None:
    with KimiApi([Turn(text="2", delay=30)]) as api:
        assert asked(api, budget=ev.Budget(seconds=4)).problem == "the model gave no answer within 0.4 s"


@pytest.mark.parametrize("budget", [ev.Budget(cost=0.1), ev.Budget(tokens=50_000)])
def test_a_small_budget_is_not_spent_on_a_question(budget: ev.Budget) -> None:
    with KimiApi() as api:
        assert "not asked" in asked(api, budget=budget).problem
        assert api.requests == []


def test_no_limit_of_money_tokens_or_time_is_no_small_budget() -> None:
    with KimiApi([Turn(text="4")]) as api:
        assert asked(api, budget=ev.Budget(cost=0, tokens=0, seconds=0)).order == ("d.py",)


def test_the_cap_is_charged_against_the_tokens_per_minute_and_is_small() -> None:
    with KimiApi([Turn(text="4")], account=Account(tpm=2_000)) as api:
        assert asked(api).order == ("d.py",)


# A whole run.

REPOSITORY: dict[str, str | bytes] = {
    **BUGGY,
    **{f"other_{n}.py": f"def double_{n}(a):\n    return a\n" for n in range(12)},
}


def said(name: str, **arguments: object) -> Turn:
    return Turn(reasoning="Next.", calls=(Call(name, arguments),))


FIXING = [
    said("reproduce", command=REPRODUCE),
    said("reproduce", command=FIX),
    said("reproduce", command="python3 -m unittest -q test_calc"),
    said("reproduce", command=REPRODUCE),
    said("submit", summary="add() subtracted."),
    said("submit", summary="add() subtracted."),
]


@pytest.fixture
def order(make_repository: MakeRepository, tmp_path: Path) -> Callable[..., RunFolder]:
    root = make_repository(REPOSITORY)

    def make(api: KimiApi, **more: Any) -> RunFolder:
        fields = {"issue": "`double(2)` is 0", "root": root, "no_sandbox": True, "rerank": True}
        return create(
            tmp_path / "state",
            Request.model_validate({**fields, "host": api.url, "model": "kimi-k2.6", **more}),
        )

    return make


def do(folder: RunFolder, inbox: Inbox | None = None, stop_on: str = "") -> list[ev.Event]:
    """Work on a run over HTTP; `stop_on`: the user stops it when its progress says so."""
    inbox = inbox or Inbox()
    events: list[ev.Event] = []

    @asynccontextmanager
    async def connected() -> AsyncIterator[Model]:
        connection = folder.record().request.connection("x")
        async with await connect(replace(connection, key=SecretStr("sk-x"), kind="moonshot")) as client:
            yield client

    async def scenario() -> None:
        async with aclosing(work(folder, connected, inbox)) as happening:
            async for event in happening:
                events.append(event)
                if stop_on and isinstance(event, ev.Progressed) and stop_on in event.message:
                    inbox.stop()

    anyio.run(scenario)
    return events


def end(events: list[ev.Event]) -> ev.Outcome:
    assert isinstance(events[-1], ev.Ended)
    return events[-1].outcome


def opening_of(api: KimiApi, number: int) -> str:
    """What the model was told about the repository with its first request of the run."""
    return api.requests[number].body["messages"][1]["content"]


def places(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line[:4].strip(" .").isdigit() and ".py" in line]


def test_the_model_is_shown_its_own_choice_first_and_then_the_computed_order(
    order: Callable[..., RunFolder],
) -> None:
    with KimiApi(FIXING) as api:
        do(order(api, rerank=False))
        computed = places(opening_of(api, 0))
    with KimiApi([Turn(text="11, 4, 99"), *FIXING]) as api:
        events = do(order(api))
        numbered = [line.partition(". ")[::2] for line in opening_of(api, 0).splitlines()]
        files = {number: path for number, path in numbered if number.isdigit()}
        text = opening_of(api, 1)
    assert end(events).status == "submitted"
    chosen_files = [files["11"], files["4"]]
    assert [event.order for event in events if isinstance(event, ev.Reranked)] == [tuple(chosen_files)]
    assert (
        places(text)
        == [*chosen_files, *(path for path in computed if path not in chosen_files)][: len(computed)]
    )
    assert "the first 2 as you chose them" in text


def test_its_price_is_part_of_what_the_run_used(order: Callable[..., RunFolder]) -> None:
    with KimiApi([Turn(text="2"), *FIXING]) as api:
        events = do(order(api))
    reranked = next(event for event in events if isinstance(event, ev.Reranked))
    answers = [event.answer for event in events if isinstance(event, ev.Answered)]
    assert reranked.cost
    assert end(events).cost == pytest.approx(reranked.cost + sum(answer.cost or 0 for answer in answers))
    assert end(events).prompt_tokens == reranked.usage.prompt + sum(answer.usage.prompt for answer in answers)


@pytest.mark.parametrize(
    "turn", [Turn(text="No idea."), Turn(error="content_filter"), Turn(text="1", finish="length")]
)
def test_without_an_order_the_run_is_the_same_as_without_the_question(
    order: Callable[..., RunFolder], turn: Turn
) -> None:
    with KimiApi(FIXING) as api:
        do(order(api, rerank=False))
        plain = opening_of(api, 0)
    with KimiApi([turn, *FIXING]) as api:
        events = do(order(api))
        assert opening_of(api, 1) == plain
    assert end(events).status == "submitted"
    assert next(event for event in events if isinstance(event, ev.Reranked)).problem


def test_a_run_that_goes_on_is_not_asked_again(order: Callable[..., RunFolder]) -> None:
    with KimiApi([Turn(text="11, 4"), *FIXING]) as api:
        folder = order(api)
        first = do(folder)
        text = opening_of(api, 1)
    lines = folder.events_file.read_bytes().splitlines(keepends=True)
    kept = next(number for number, line in enumerate(lines) if b'"reranked"' in line) + 1
    folder.events_file.write_bytes(b"".join(lines[:kept]))  # as a kill right behind the answer would leave it
    with KimiApi(FIXING) as api:
        record = folder.record()
        folder.write_record(
            record.model_copy(update={"request": record.request.model_copy(update={"host": api.url})})
        )
        again = do(folder)
        assert opening_of(api, 0) == text
    assert end(again).status == "submitted"
    assert end(again).cost == pytest.approx(end(first).cost)


def test_the_attempts_of_a_run_share_the_order(order: Callable[..., RunFolder]) -> None:
    blind = [said("submit", summary="I believe so.")] * 3
    with KimiApi([Turn(text="11, 4"), *blind, *blind]) as api:
        folder = order(api, attempts=2)
        events = do(folder)
        questions = [r for r in api.requests if "tools" not in r.body]
        firsts = [r.body["messages"][1]["content"] for r in api.requests if len(r.body["messages"]) == 2][1:]
    assert len(questions) == 1
    assert [event.number for event in events if isinstance(event, ev.Attempted)] == [1, 2]
    assert len(firsts) == 2
    assert places(firsts[0])[:2] == places(firsts[1])[:2]
    state = State()
    for event in folder.events():
        state.apply(event)
    assert end(events).cost > state.cost > 0


@pytest.mark.parametrize("stop_on", ["Looking into the repository", "Asking the model where to look first"])
def test_a_run_is_stopped_at_once_before_it_has_begun_and_can_go_on(
    order: Callable[..., RunFolder], stop_on: str
) -> None:
    with KimiApi([Turn(text="1", delay=60)]) as api:
        folder = order(api)
        events = do(folder, stop_on=stop_on)
    assert end(events).status == "cancelled"
    assert not any(isinstance(event, ev.Started) for event in events)
    with KimiApi([Turn(text="1"), *FIXING]) as api:
        record = folder.record()
        folder.write_record(
            record.model_copy(update={"request": record.request.model_copy(update={"host": api.url})})
        )
        again = do(folder)
    assert end(again).status == "submitted"
    assert end(again).seconds < 60
