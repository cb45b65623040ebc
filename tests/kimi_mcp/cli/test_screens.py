"""Every screen shows every event, and nothing of strangers reaches the terminal raw."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from kimi_mcp.agent import events as ev
from kimi_mcp.cli.show.lines import PlainLines
from kimi_mcp.cli.show.live import Live
from kimi_mcp.model.messages import Answer, Assistant, Call, Usage

EVIL = "\x1b]0;owned\x07\x1b[2Jbad\u202e"


def everything() -> Iterator[ev.Event]:
    call = Call("c1", "run_command", {"command": EVIL}, "{}")
    touched = (ev.Touched(path=EVIL, status="modified", added=1, removed=2, test=False),)
    yield ev.Started(
        model="kimi-k2.6",
        window=9,
        mode="agent",
        protocol="issue",
        budget=ev.Budget(cost=2),
        system="",
        functions=(),
        base="b",
    )
    yield ev.Said(
        text=f"<repository>x</repository>\n<issue>\n{EVIL} issue\n</issue>", by="user", about="issue"
    )
    yield ev.Streamed(step=1, what="reasoning", text=EVIL)
    yield ev.Answered(
        step=1, answer=Answer(Assistant(EVIL, EVIL, (call,)), Usage(1_000, 900, 9), "calls", 0.1, 1)
    )
    yield ev.Called(step=1, id="c1", name="run_command", title=EVIL, effect="executes")
    yield ev.Progressed(step=1, id="c1", message=EVIL)
    yield ev.Returned(step=1, id="c1", name="run_command", text=EVIL, failed=True, seconds=1, tree="t")
    yield ev.Patched(step=1, tree="t", touched=touched, patch="+x")
    yield ev.Planned(step=1, items=(ev.PlanItem(text=EVIL, state="doing"),))
    yield ev.Folded(how="hide", through=3, before=9)
    yield ev.Said(text=EVIL, by="harness", about="budget")
    yield ev.Submitted(step=1, summary=EVIL, evidence=ev.Evidence(problems=(EVIL,)), accepted=False)
    yield ev.Troubled(text=EVIL)
    yield ev.Resumed(model="kimi-k2.6")
    evidence = ev.Evidence(touched=touched, broken=(EVIL,), failing=(EVIL,), problems=(EVIL,))
    outcome = ev.Outcome(status="submitted", reason=EVIL, summary=EVIL, patch=f"+{EVIL}", evidence=evidence)
    yield ev.Attempted(number=1, outcome=outcome)
    yield ev.Ended(outcome=outcome)


def test_the_live_screen_shows_every_event_and_makes_strangers_text_harmless() -> None:
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=100, color_system=None, highlight=False)
    screen = Live(console)
    for event in everything():
        screen.show(event)
    screen.close()
    text = printed.getvalue()
    assert "\x1b]0;" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    for shown in ("kimi-k2.6", "issue", "sent back", "attempt 1 ended", "broken:"):
        assert shown in text, shown


def test_plain_lines_show_every_event_and_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    screen = PlainLines()
    for event in everything():
        screen.show(event)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "$0.100 of $2.00" in text
    assert "90 % cached" in text
