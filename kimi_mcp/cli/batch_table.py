"""A batch on a terminal: counts, cost, time left, and what runs now, redrawn in place."""

import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kimi_mcp.swebench import report
from kimi_mcp.swebench.batch import Tally

_GOOD = frozenset({"resolved", "sound", "submitted"})
RECENT = 8
"""Ended instances that stay in view."""


class LiveTable:
    """Draws a tally; give it to `rich.live.Live`, which asks for it several times a second."""

    def __init__(self) -> None:
        self._tally = Tally(0)

    def show(self, tally: Tally) -> None:
        """Draw this tally from now on."""
        self._tally = tally

    def __rich__(self) -> Group:
        tally = self._tally
        rows = [report.row(ended) for ended in tally.ended.values()]
        states = Counter(row.state for row in rows)
        left = tally.seconds_left()
        line = Text.assemble(
            (f"{len(rows)}/{tally.total}", "bold"),
            *(
                text
                for state, count in sorted(states.items())
                for text in ("  ", (f"{count} {state}", _style(state)))
            ),
            f"  {len(tally.running)} running",
            f"  ${sum(row.cost or 0 for row in rows):.2f}",
            f"  about {_clock(left)} left" if left is not None else "",
        )
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name, justify in (
            ("instance", "left"),
            ("state", "left"),
            ("time", "right"),
            ("cost", "right"),
            ("", "left"),
        ):
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row in rows[-RECENT:]:
            cost = f"${row.cost:.3f}" if row.cost else ""
            table.add_row(
                row.instance, Text(row.state, _style(row.state)), _clock(row.seconds), cost, row.note[:60]
            )
        for instance, began in tally.running.items():
            table.add_row(instance, Text("running", "cyan"), _clock(time.monotonic() - began), "", "")
        return Group(line, ProgressBar(total=max(1, tally.total), completed=len(rows), width=60), table)


@contextmanager
def live_table() -> Generator[LiveTable]:
    """A table on standard output while the block runs; its last state stays."""
    table = LiveTable()
    with Live(table, console=Console(), refresh_per_second=4, transient=False):
        yield table


def _style(state: str) -> str:
    return "green" if state in _GOOD else "red" if state.startswith("not ") else "yellow"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
