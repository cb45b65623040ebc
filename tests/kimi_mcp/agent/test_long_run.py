"""What must hold over hundreds of steps, on fewer of them; the whole run is made by `long_run.py`."""

import asyncio
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Task
from kimi_mcp.model.messages import Answer, Assistant, Call, Usage, User
from tests.kimi_mcp.agent.conftest import FIX, Bench, outcome, shell
from tests.kimi_mcp.agent.long_run import GOAL, long_run
from tests.kimi_mcp.agent.script import calls


def test_a_long_run_keeps_goal_plan_cache_and_pace(tmp_path: Path) -> None:
    done = asyncio.run(long_run(70, tmp_path, window=131_072))
    assert done.status == "submitted"
    assert done.folds
    assert set(done.folds) == {"hide"}
    assert (done.goal_kept, done.plan_kept, done.refused) == (True, True, 0)
    assert done.cached >= 0.9
    assert done.rss_mb[1] - done.rss_mb[0] < 60


def thought(number: int) -> Answer:
    """A step whose weight is in the model's own words, which cannot be hidden."""
    call = Call("", "read_file", {"path": "calc.py", "start": number + 1}, "{}")
    return Answer(Assistant(f"{number} " + "so I think " * 400, "", (call,)), Usage(), "calls", 0.0, 0.0)


def test_a_handoff_carries_the_users_words_plan_patch_and_measurements(bench: Bench) -> None:
    """The model's note is asked for on the same prefix, so that the cache serves it."""
    plan = calls(("update_plan", {"plan": "[x] Reproduce\n[>] Fix"}))
    note = Answer(Assistant("I found that add subtracts."), Usage(100), "stop", 0.0, 0.0)
    fix = calls(("run_command", {"command": FIX}))
    turns = [plan, shell("false"), fix, *map(thought, range(7)), note, thought(9)]
    events = bench.run(*turns, task=Task(GOAL), window=9_000)
    folded = next(event for event in events if isinstance(event, ev.Folded))
    assert folded.how == "handoff"
    asked = next(r for r in bench.model.requests if isinstance(r[-1], User) and "nearly full" in r[-1].text)
    assert asked[:-1] == bench.model.requests[bench.model.requests.index(asked) - 1] + asked[-3:-1]
    for kept in (
        GOAL,
        "[>] Fix",
        "I found that add subtracts.",
        "+    return a + b",
        "`false`: exit code 1, before the latest",
    ):
        assert kept in folded.text, kept
    assert len(bench.model.requests[-1]) <= 4
    assert outcome(events).status == "model_failed"
