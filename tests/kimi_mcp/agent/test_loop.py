"""The loop on a real repository: what it does for a model that works well, badly, or not at all."""

from pathlib import Path

import anyio
import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Task
from kimi_mcp.agent.loop import run
from kimi_mcp.model.errors import ContextOverflow, QuotaExhausted
from kimi_mcp.model.messages import CallResult, User
from tests.kimi_mcp.agent.conftest import FIX, REPRODUCE, Bench, outcome, shell
from tests.kimi_mcp.agent.script import Says, calls, says

TEST = "python3 -m unittest -q test_calc"
SUBMIT = calls(("submit", {"summary": "add() subtracted."}))


def good_turns() -> list[Says]:
    return [
        calls(("update_plan", {"plan": "[>] Reproduce\n[ ] Fix"})),
        calls(("read_file", {"path": "calc.py"}), ("read_file", {"path": "test_calc.py"})),
        shell(REPRODUCE),
        shell(FIX),
        shell(REPRODUCE),
        calls(("run_command", {"command": TEST})),
        SUBMIT,
        SUBMIT,
    ]


def kinds(events: list[ev.Event]) -> list[str]:
    return [event.kind for event in events if ev.recorded(event)]


def test_an_issue_is_reproduced_fixed_checked_and_submitted(bench: Bench) -> None:
    events = bench.run(*good_turns())
    done = outcome(events)
    assert done.status == "submitted"
    assert "+    return a + b" in done.patch
    assert (done.evidence.reproduced_before, done.evidence.passes_after) == (True, True)
    assert [file.path for file in done.evidence.touched] == ["calc.py"]
    assert done.steps == 8
    assert bench.agent.state.plan[0].state == "doing"


def test_the_events_alone_give_the_state_and_the_history_back(bench: Bench) -> None:
    events = bench.run(*good_turns())
    live = bench.agent
    again = bench.agent_with()
    for line in [ev.to_json(event) for event in events if ev.recorded(event)]:
        again.take(ev.from_json(line))
    assert again.state == live.state
    assert again.progress == live.progress


def test_a_submission_without_a_test_or_a_reproduction_is_bounced_once(bench: Bench) -> None:
    events = bench.run(calls(("run_command", {"command": FIX})), SUBMIT, SUBMIT)
    first, second = [event for event in events if isinstance(event, ev.Submitted)]
    assert not first.accepted
    assert second.accepted
    bounced = [m.text for m in bench.model.requests[-1] if isinstance(m, CallResult)][-1]
    assert "No test ran since your last edit" in bounced
    assert "return a + b" in bounced
    done = outcome(events)
    assert done.status == "submitted"
    assert done.evidence.problems
    assert not done.evidence.verified


EDIT = calls(("edit_file", {"path": "calc.py", "old": "a - b", "new": "a + b"}))


def last_result(bench: Bench) -> str:
    """What the model last read of a call."""
    return [m.text for m in bench.model.requests[-1] if isinstance(m, CallResult)][-1]


def submissions(events: list[ev.Event]) -> list[ev.Submitted]:
    return [event for event in events if isinstance(event, ev.Submitted)]


def test_a_patch_that_was_shown_whole_by_its_one_edit_is_taken_at_once(bench: Bench) -> None:
    test = calls(("run_command", {"command": TEST}))
    done = outcome(bench.run(shell(REPRODUCE), EDIT, shell(REPRODUCE), test, SUBMIT))
    assert (done.status, done.evidence.verified) == ("submitted", True)


def test_a_patch_of_several_edits_is_reviewed_as_a_whole_before_it_is_taken(bench: Bench) -> None:
    debug = calls(
        ("edit_file", {"path": "calc.py", "old": "    return add", "new": "    print(a)\n    return add"})
    )
    more = calls(("write_file", {"path": "notes.txt", "content": "What I did.\n"}))
    clean = calls(("run_command", {"command": "rm notes.txt; sed -i /print/d calc.py"}))
    test = calls(("run_command", {"command": TEST}))
    events = bench.run(
        shell(REPRODUCE), EDIT, debug, more, test, SUBMIT, clean, shell(REPRODUCE), test, SUBMIT
    )
    assert [taken.accepted for taken in submissions(events)] == [False, True]
    review = next(e.text for e in events if isinstance(e, ev.Returned) and e.name == "submit")
    assert "review the patch as a whole" in review
    assert "+    return a + b" in review
    assert "New files: notes.txt" in review
    assert "look like leftovers: calc.py: print(a)" in review
    done = outcome(events)
    assert done.evidence.verified
    assert "print" not in done.patch


def test_a_submission_that_a_measurement_speaks_against_is_sent_back_with_it_and_measured_once(
    bench: Bench,
) -> None:
    """Sent back for the rules first: what is measured behind that still reaches the model."""
    breaks = calls(("edit_file", {"path": "calc.py", "old": "return a - b", "new": "return a * b"}))
    test = calls(("run_command", {"command": TEST}))
    right = calls(("edit_file", {"path": "calc.py", "old": "a * b", "new": "a + b"}))
    turns = [breaks, shell(REPRODUCE), SUBMIT, test, SUBMIT, right, shell(REPRODUCE), test, SUBMIT]
    events = bench.run(*turns)
    taken = submissions(events)
    assert [(one.accepted, one.measured) for one in taken] == [(False, False), (False, True), (True, True)]
    assert "The reproduction still fails with your patch." in taken[1].evidence.problems
    assert taken[1].reproductions
    assert taken[1].reproductions[0].before
    assert not taken[2].reproductions, "what was measured once is not measured again"
    assert outcome(events).evidence.verified


def test_a_submission_is_sent_back_twice_at_most(bench: Bench) -> None:
    breaks = calls(("edit_file", {"path": "calc.py", "old": "return a - b", "new": "return a * b"}))
    events = bench.run(breaks, shell(REPRODUCE), SUBMIT, SUBMIT, SUBMIT)
    assert [taken.accepted for taken in submissions(events)] == [False, False, True]
    assert not outcome(events).evidence.verified


def test_an_edit_before_the_issue_was_shown_is_remarked_once(bench: Bench) -> None:
    bench.run(EDIT, calls(("read_file", {"path": "calc.py"})), shell(REPRODUCE), SUBMIT)
    said = [m.text for m in bench.model.requests[-1] if isinstance(m, User)]
    assert sum("before the issue was shown to fail" in text for text in said) == 1


def test_an_empty_patch_is_bounced(bench: Bench) -> None:
    events = bench.run(SUBMIT, SUBMIT)
    assert "The patch is empty" in next(e for e in events if isinstance(e, ev.Submitted)).evidence.problems[0]
    assert outcome(events).patch == ""


def test_a_patch_that_changes_existing_tests_is_bounced(bench: Bench) -> None:
    turns = good_turns()
    turns.insert(4, shell("sed -i 's/== 0/!= 1/' test_calc.py"))
    events = bench.run(*turns, SUBMIT)
    problems = next(e for e in events if isinstance(e, ev.Submitted)).evidence.problems
    assert problems == (
        "Existing tests were changed: test_calc.py. Take that back unless the issue itself demands it; add "
        "new tests instead.",
    )


def test_the_harness_measures_without_the_patch_what_the_model_did_not(bench: Bench) -> None:
    """The reproduction is given only after the fix: the files are set back to see it fail."""
    turns = [shell(FIX), shell(REPRODUCE), SUBMIT, SUBMIT]
    done = outcome(bench.run(*turns))
    assert (done.evidence.reproduced_before, done.evidence.passes_after) == (True, True)
    assert "a + b" in (bench.root / "calc.py").read_text()


def test_a_reproduction_that_always_passes_shows_nothing(bench: Bench) -> None:
    done = outcome(bench.run(shell(FIX), shell("true"), SUBMIT, SUBMIT))
    assert done.evidence.reproduced_before is False
    assert not done.evidence.verified


def test_a_users_own_tree_is_never_set_back(bench: Bench) -> None:
    done = outcome(bench.run(shell(FIX), shell(REPRODUCE), SUBMIT, SUBMIT, private=False))
    assert done.evidence.reproduced_before is None
    assert done.evidence.passes_after is True


def test_broken_calls_get_one_result_each_and_the_run_goes_on(bench: Bench) -> None:
    bad = calls(
        ("no_such", {}),
        ("read_file", {"path": "../../etc/passwd"}),
        ("read_file", {"paht": "calc.py"}),
        ("read_file", {"path": "calc.py"}),
    )
    events = bench.run(bad, *good_turns())
    results = [event for event in events if isinstance(event, ev.Returned)][:4]
    assert [result.failed for result in results] == [True, True, True, False]
    assert "There is no function 'no_such'" in results[0].text
    assert "there is no argument 'paht'" in results[2].text
    assert outcome(events).status == "submitted"


def test_a_model_that_dies_leaves_the_best_patch_and_a_run_that_goes_on(bench: Bench) -> None:
    turns = good_turns()
    events = bench.run(*turns[:4], QuotaExhausted("No credit is left; top up the account."))
    done = outcome(events)
    assert (done.status, done.reason) == ("model_failed", "No credit is left; top up the account.")
    assert "+    return a + b" in done.patch
    bench.model.turns = list(turns[4:])
    assert outcome(bench.events(None)).status == "submitted"


def test_a_budget_of_steps_warns_at_80_percent_and_hands_in_what_there_is(bench: Bench) -> None:
    reads = [calls(("read_file", {"path": "calc.py", "start": n + 1})) for n in range(9)]
    events = bench.run(shell(FIX), *reads, task=Task("x", budget=ev.Budget(steps=5)))
    assert outcome(events).status == "limit"
    assert outcome(events).steps == 5
    assert "+    return a + b" in outcome(events).patch
    notices = [event for event in events if isinstance(event, ev.Said) and event.about == "budget"]
    assert len(notices) == 1
    assert "4 of 5 steps" in notices[0].text


def test_a_budget_of_money_ends_the_run(bench: Bench) -> None:
    reads = [calls(("read_file", {"path": "calc.py", "start": n + 1})) for n in range(9)]
    done = outcome(bench.run(*reads, task=Task("x", budget=ev.Budget(cost=0.03))))
    assert (done.status, done.steps) == ("limit", 3)


def test_the_time_of_a_run_ends_a_command_that_hangs(bench: Bench) -> None:
    done = outcome(bench.run(shell(FIX), shell("sleep 60"), task=Task("x", budget=ev.Budget(seconds=1))))
    assert done.status == "limit"
    assert done.seconds < 10
    assert "a + b" in done.patch


def test_the_same_call_again_and_again_is_answered_with_a_ladder_and_an_end(bench: Bench) -> None:
    same = [calls(("read_file", {"path": "calc.py"})) for _ in range(20)]
    events = bench.run(*same)
    said = [event.about for event in events if isinstance(event, ev.Said) and event.by == "harness"]
    assert said == ["repeat remind", "repeat warn", "repeat replan"]
    assert outcome(events).status == "stuck"
    assert outcome(events).steps == 12


def test_a_cycle_of_two_calls_is_seen_as_well(bench: Bench) -> None:
    cycle = [
        calls(("read_file", {"path": f"{name}.py"})) for _ in range(20) for name in ("calc", "test_calc")
    ]
    events = bench.run(*cycle)
    assert outcome(events).status == "stuck"
    assert outcome(events).steps <= 24


def test_steps_that_bring_nothing_new_are_noticed_though_no_call_repeats(bench: Bench) -> None:
    idle = [calls(("read_file", {"path": f"missing/{n}/../../calc.py"})) for n in range(40)]
    events = bench.run(*idle)
    said = [event.about for event in events if isinstance(event, ev.Said) and event.by == "harness"]
    assert said == ["idle remind", "idle replan"]
    assert outcome(events).status == "stuck"


def test_an_answer_without_a_call_is_nudged_twice_then_ends(bench: Bench) -> None:
    events = bench.run(shell(FIX), says("Done."), says("Really."), says("I said so."))
    assert outcome(events).status == "stuck"
    assert [e.about for e in events if isinstance(e, ev.Said)] == ["issue", "nudge", "nudge"]
    assert "a + b" in outcome(events).patch


def test_a_conversation_ends_each_turn_with_an_answer_and_goes_on(bench: Bench) -> None:
    task = Task("What does add do?", protocol="chat")
    events = bench.run(
        calls(("read_file", {"path": "calc.py"})), says("It subtracts."), says("Yes."), task=task
    )
    assert outcome(events).status == "answered"
    assert outcome(events).summary == "It subtracts."
    bench.agent.inbox.say("Is that a bug?")
    assert outcome(bench.events(None)).summary == "Yes."


def test_a_message_in_mid_run_reaches_the_model_before_its_next_answer(bench: Bench) -> None:
    turns = good_turns()

    async def scenario() -> None:
        agent = bench.agent_with(*turns)
        async for event in run(agent, Task("x")):
            if isinstance(event, ev.Returned) and event.step == 2:
                agent.inbox.say("Mind negative numbers.")

    anyio.run(scenario)
    heard = [i for i, r in enumerate(bench.model.requests) if User("Mind negative numbers.") in r]
    assert heard[0] == 2


def test_a_cancelled_run_stops_its_command_and_keeps_its_patch(bench: Bench) -> None:
    async def scenario() -> list[ev.Event]:
        agent = bench.agent_with(shell(FIX), shell("sleep 60"))
        events: list[ev.Event] = []
        async for event in run(agent, Task("x")):
            events.append(event)
            if isinstance(event, ev.Called) and event.step == 2:
                agent.inbox.stop()
        return events

    done = outcome(anyio.run(scenario))
    assert done.status == "cancelled"
    assert done.seconds < 20
    assert "a + b" in done.patch


def test_a_call_that_was_cancelled_is_not_run_again_when_the_run_goes_on(bench: Bench) -> None:
    ran = bench.state / "ran.txt"
    agent = bench.agent_with(shell(FIX), shell(f"echo ran >> {ran}; sleep 60"))

    async def stop() -> None:
        while not ran.exists():
            await anyio.sleep(0.01)
        agent.inbox.stop()

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            async for _ in run(agent, Task("x")):
                pass

    anyio.run(scenario)
    bench.model.turns = [SUBMIT, SUBMIT, SUBMIT]
    bench.events(None)
    assert ran.read_text() == "ran\n"
    told = [m.text for m in bench.model.requests[-1] if isinstance(m, CallResult)]
    assert any("Cancelled by the user" in text for text in told)


def test_a_prompt_that_the_host_refuses_is_shrunk_and_sent_again(bench: Bench) -> None:
    big = "print('x' * 9000)"
    first = [shell(f'python3 -c "{big}  # {n}"') for n in range(3)]
    events = bench.run(*first, ContextOverflow("Too long."), *good_turns())
    assert outcome(events).status == "submitted"
    assert [event.how for event in events if isinstance(event, ev.Folded)] == ["hide"]


def test_a_prompt_that_never_fits_ends_the_run_with_its_patch(bench: Bench) -> None:
    overflow = [ContextOverflow("Too long.") for _ in range(9)]
    done = outcome(bench.run(shell(FIX), *overflow))
    assert done.status == "model_failed"
    assert "a + b" in done.patch


def test_a_bug_of_ours_flies_but_only_after_the_outcome(bench: Bench) -> None:
    def bug(_: object) -> None:
        raise ZeroDivisionError("ours")

    agent = bench.agent_with(shell(FIX), bug)
    events: list[ev.Event] = []

    async def scenario() -> None:
        async for event in run(agent, Task("x")):
            events.append(event)

    with pytest.raises(ZeroDivisionError):
        anyio.run(scenario)
    assert outcome(events).status == "crashed"
    assert "a + b" in outcome(events).patch


def test_a_long_result_is_cut_and_read_on_behind_its_handle(bench: Bench) -> None:
    long = "python3 -c \"[print('line', n) for n in range(9000)]\""
    read = calls(("read_result", {"handle": "r1", "start": 5000, "count": 2}))
    events = bench.run(shell(long), read)
    first, second = [event for event in events if isinstance(event, ev.Returned)]
    assert len(first.text) < 13_000
    assert "read_result handle=r1" in first.text
    assert "line 4998\nline 4999" in second.text
    assert (Path(bench.state) / "spill" / "r1").stat().st_mode & 0o777 == 0o600
