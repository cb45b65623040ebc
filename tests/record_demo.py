"""Write the demonstration's session anew: `uv run python -m tests.record_demo`.

The answers below were written by hand, in the manner of K2.6, because no live model was at hand; the chunks
are recorded from the simulated endpoint over HTTP while the real loop works on the real repository.
"""

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.cli import demo
from kimi_mcp.cli.demo.story import ISSUE
from kimi_mcp.model.connect import connect
from kimi_mcp.model.recorded import Recorder
from kimi_mcp.runs.folder import create
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import work
from tests.kimi_api import Call, KimiApi, Turn

SESSION = Path(demo.__file__).parent / "session.jsonl"

ABOUT = "Written by hand in the manner of kimi-k2.6 and replayed; not the output of a model."

REPRODUCE = """python3 - <<'EOF'
from durations import parse
assert parse("1h 30m") == 5400, parse("1h 30m")
assert parse("1d 2h 3m 4s") == 93784
EOF"""

NEW_TEST = """        self.assertEqual(parse("2d"), 172_800)

    def test_several_units_add_up(self):
        self.assertEqual(parse("1h 30m"), 5_400)
        self.assertEqual(parse("1d 2h 3m 4s"), 93_784)
"""

SUMMARY = (
    "parse() kept only the last part of a duration, so '1h 30m' was 30 minutes. It adds the parts up now. A new "
    "test covers durations of several units."
)

TURNS = [
    Turn(
        reasoning="The timer is set with a duration of two units and rings after the last one only. So the "
        "parts of '1h 30m' are probably not summed. I begin with a plan and look at who parses durations.",
        text="I plan the work and look for where durations are parsed, and by whom.",
        calls=(
            Call("update_plan", {"plan": "[>] Find where '1h 30m' is parsed\n[ ] Reproduce 1800 instead of 5400\n"
                                         "[ ] Fix the cause\n[ ] Add a test, run the tests around it\n[ ] Submit"}),
            Call("find_references", {"name": "parse"}),
        ),
    ),
    Turn(
        reasoning="parse() in durations/parse.py is the candidate, Timer only calls it. I read both the code "
        "and its test at once.",
        calls=(Call("read_file", {"path": "durations/parse.py"}), Call("read_file", {"path": "tests/test_parse.py"})),
    ),
    Turn(
        reasoning="There it is: in the loop, `seconds = int(number) * UNITS[unit]` replaces the sum with each "
        "part, so the last unit wins. The tests only have single units, which is why they pass. Before "
        "I touch anything I reproduce it, with a longer duration as well.",
        text="The loop keeps only the last part. I reproduce it before I change anything.",
        calls=(Call("reproduce", {"command": REPRODUCE}),),
    ),
    Turn(
        reasoning="1800, as reported. The smallest fix is to add up.",
        calls=(
            Call("edit_file", {"path": "durations/parse.py", "old": "        seconds = int(number) * UNITS[unit]",
                               "new": "        seconds += int(number) * UNITS[unit]"}),
        ),
    ),
    Turn(
        reasoning="Now the same command must pass. The project has a natural place for a test: "
        "tests/test_parse.py; I only add, and leave the existing ones alone.",
        calls=(
            Call("reproduce", {"command": REPRODUCE}),
            Call("edit_file", {"path": "tests/test_parse.py",
                               "old": '        self.assertEqual(parse("2d"), 172_800)\n', "new": NEW_TEST}),
        ),
    ),
    Turn(
        reasoning="The reproduction passes. show() is the inverse and Timer a caller, so I run all tests.",
        text="The reproduction passes now. I run the tests, callers included.",
        calls=(Call("run_tests", {}),
               Call("update_plan", {"plan": "[x] Find where '1h 30m' is parsed\n[x] Reproduce 1800 instead of 5400\n"
                                            "[x] Fix the cause\n[x] Add a test, run the tests around it\n[>] Submit"})),
    ),
    Turn(
        reasoning="All pass. The patch is one character in the code and one new test.",
        calls=(Call("submit", {"summary": SUMMARY}),),
    ),
    Turn(
        reasoning="The diff as a whole: the sum in parse(), one new test, nothing left over. Every example of the "
        "issue is covered, and Timer, the only caller, gets what it expects.",
        text="Reviewed: one character in the code, one new test, nothing left over.",
        calls=(Call("submit", {"summary": SUMMARY}),),
    ),
]  # fmt: skip


async def record(folder: Path) -> ev.Outcome:
    """Work through the story once and write the session."""
    root = folder / "durations"
    demo.write(root)
    turns = [replace(turn, split=60) for turn in TURNS]
    with KimiApi(turns) as api:
        order = Request(issue=ISSUE, root=root, host=api.url, model="kimi-k2.6", no_sandbox=True)
        run = create(folder / "state", order)

        @asynccontextmanager
        async def connected():
            async with await connect(order.connection(run.id)) as model:
                model.on_exchange = Recorder(SESSION, model.profile, ABOUT).exchange
                yield model

        last = [event async for event in work(run, connected)][-1]
    assert isinstance(last, ev.Ended)
    return last.outcome


def main() -> None:
    """Record and say how it ended."""
    with tempfile.TemporaryDirectory() as name:
        outcome = asyncio.run(record(Path(name)))
    SESSION.chmod(0o644)
    print(f"{outcome.status}, verified: {outcome.evidence.verified}, {SESSION.stat().st_size:,} bytes")
    print(outcome.reason, outcome.evidence)


if __name__ == "__main__":
    main()
