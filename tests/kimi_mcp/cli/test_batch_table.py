"""The live table of a batch: right counts, never larger than the terminal."""

import io
import time

import pytest
from rich.console import Console

from kimi_mcp.cli.batch_table import LiveTable
from kimi_mcp.swebench.jobs import Ended
from kimi_mcp.swebench.tally import Tally


def drawn(tally: Tally, width: int, height: int, notice: str = "") -> list[str]:
    table = LiveTable()
    table.show(tally)
    if notice:
        table.notify(notice)
    out = io.StringIO()
    Console(file=out, width=width, height=height, color_system=None).print(table)
    return out.getvalue().splitlines()


def half_done(running: int) -> Tally:
    tally = Tally(10_000)
    for n in range(4_000):
        facts = {"resolved": n % 2 == 0, "cost": 0.01}
        tally.add(Ended(f"django__django-{n}", "done", 100.0, facts=facts))
    tally.add(Ended("sympy__sympy-1", "crashed", 7.0, "its process was ended by SIGKILL (exit code -9)"))
    tally.running = {f"astropy__astropy-{n}": time.monotonic() for n in range(running)}
    return tally


@pytest.mark.parametrize("width", [80, 160])
def test_the_counts_are_those_of_the_batch_and_one_line_tells_them(width: int) -> None:
    lines = drawn(half_done(500), width, 24)
    told = " ".join(lines[0].split() + lines[1].split()) if width == 80 else lines[0]
    assert "4,001/10,000" in told
    for part in ("1 crashed", "2,000 not resolved", "2,000 resolved", "500 running", "$40.00"):
        assert part in told
    assert "left" in told


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (40, 10)])
def test_it_is_never_larger_than_the_terminal_and_says_what_it_leaves_out(width: int, height: int) -> None:
    lines = drawn(half_done(500), width, height, "Stopping: no more instances begin.")
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "more running" in lines[-1]
    assert any("Stopping" in line for line in lines)


@pytest.mark.parametrize(("width", "lines"), [(80, 2), (160, 1)])
def test_notes_are_told_as_they_are_and_have_room(width: int, lines: int) -> None:
    tally = Tally(2)
    note = "t.py::test_a[/x] [red]"
    facts = {"resolved": False, "verdict": {"not_fixed": [f"{note}\x1b[2J\n"]}}
    tally.add(Ended("django__django-1", "done", 1.0, facts=facts))
    tally.running = {"sympy__sympy-1": time.monotonic()}
    shown = drawn(tally, width, 24)
    assert len(shown) == 3 + lines + 1
    assert note in shown[2 + lines]
    assert "\x1b" not in "".join(shown)


def test_the_bar_stands_on_a_line_of_its_own_and_is_as_long_as_what_is_done() -> None:
    lines = drawn(half_done(2), 100, 24)
    assert lines[1] == "━" * 24 + "─" * 36
    assert lines[2].split()[:4] == ["instance", "state", "time", "cost"]
