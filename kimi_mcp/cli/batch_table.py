"""A batch on a terminal: counts, cost, time left, and what runs now, redrawn in place."""

import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kimi_mcp.swebench.report import TONES, Row, best_first, spent, tone
from kimi_mcp.swebench.tally import Tally

RECENT = 8
"""Ended instances that stay in view, where the terminal is high enough."""

WIDE = 100
"""Columns from which notes have room behind their instance."""

_STYLES = {"good": "green", "done": "blue", "bad": "red", "rest": "yellow"}


class LiveTable:
    """Draws a tally, never higher than the terminal."""

    def __init__(self) -> None:
        self._tally = Tally(0)
        self._notice = ""

    def show(self, tally: Tally) -> None:
        """Draw this tally from now on."""
        self._tally = tally

    def notify(self, text: str) -> None:
        """Say this below the counts from now on."""
        self._notice = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tally = self._tally
        head = [counts(tally), _bar(tally, min(60, options.max_width))]
        if self._notice:
            head.append(Text(self._notice, "yellow"))
        taken = sum(len(text.wrap(console, options.max_width)) for text in head)
        room = max(
            2, (options.height or console.height) - taken - 2
        )  # the table's head, and a line left free
        width = options.max_width - 3
        recent = _last(tally.recent, room // 2, width)
        running = list(tally.running.items())  # in the order of their beginnings, so the slowest come first
        room -= sum(_lines(row, width) for row in recent)
        shown = running if len(running) <= room else running[: room - 1]
        # not up to the edge: the terminal echoes ^C there, and would wrap it into a line that nobody clears
        parts: list[Text | Table] = [*head, _table(recent, shown, width)]
        if len(shown) < len(running):
            parts.append(Text(f"and {len(running) - len(shown):,} more running", "dim"))
        yield Group(*parts)


def _last(recent: Sequence[Row], room: int, width: int) -> list[Row]:
    """The last rows that fit into so many lines; one in any case."""
    found: list[Row] = []
    for row in reversed(recent):
        room -= _lines(row, width)
        if found and (room < 0 or len(found) == RECENT):
            break
        found.append(row)
    return found[::-1]


def _lines(row: Row, width: int) -> int:
    """Where the terminal is narrow, a note stands below its instance."""
    return 2 if row.note and width < WIDE else 1


def counts(tally: Tally) -> Text:
    """`12/73  3 resolved  1 failed  2 running  $0.42  about 4:10 left`"""
    left = tally.seconds_left()
    return Text.assemble(
        (f"{len(tally.rows):,}/{tally.total:,}", "bold"),
        *(
            text
            for state in sorted(tally.states, key=best_first)
            for text in ("  ", (f"{tally.states[state]:,} {state}", _STYLES[tone(state)]))
        ),
        f"  {len(tally.running):,} running",
        f"  {spent(tally.cost, tally.unpriced)}" if tally.cost is not None else "",
        f"  about {clock(left)} left" if left is not None else "",
    )


def _bar(tally: Tally, width: int) -> Text:
    """How much is done, coloured by how it ended."""
    tones = Counter[str]()
    for state, count in tally.states.items():
        tones[tone(state)] += count
    bar, seen, drawn = Text(), 0, 0
    for colour in TONES:
        seen += tones[colour]
        until = round(width * seen / max(1, tally.total))
        bar.append("━" * (until - drawn), _STYLES[colour])
        drawn = until
    return bar.append("─" * (width - drawn), "dim")


def _table(recent: list[Row], running: list[tuple[str, float]], width: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", width=width)
    names = max(20, width // 2 - 8 if width >= WIDE else width - 35)
    table.add_column("instance", no_wrap=True, overflow="ellipsis", max_width=names)
    table.add_column("state", no_wrap=True, min_width=12)
    table.add_column("time", justify="right", no_wrap=True, min_width=7)
    table.add_column("cost", justify="right", no_wrap=True, min_width=7)
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in recent:  # a string would be read as markup, and notes are strangers' text
        name, note = Text(row.instance), Text(row.note)
        if _lines(row, width) > 1:
            name, note = Text(f"{row.instance}\n  ").append(row.note, "dim"), Text()
        table.add_row(name, Text(row.state, _STYLES[tone(row.state)]), clock(row.seconds), row.money, note)
    now = time.monotonic()
    for instance, began in running:
        table.add_row(Text(instance), Text("running", "cyan"), clock(now - began), "", "")
    return table


@contextmanager
def live_table() -> Generator[LiveTable]:
    """A table on standard output while the block runs; its last state stays."""
    table = LiveTable()
    with Live(table, console=Console(highlight=False), refresh_per_second=4, transient=False):
        yield table


def clock(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
