"""Showing a run: live on a terminal, as plain lines in a pipe, or as JSON events."""

import sys
from typing import Protocol

from kimi_mcp.agent.events import Event


class Screen(Protocol):
    """Something that shows a run's events, in their order, and is closed behind the last one."""

    def show(self, event: Event) -> None:
        """Show one event."""
        ...

    def know(self, event: Event) -> None:
        """Take in an event of before, without showing it: of a run that is gone on with."""
        ...

    def close(self) -> None:
        """Give the terminal back."""
        ...


def screen(*, json: bool, recorded: bool = False) -> Screen:
    """The screen for standard output: JSON lines when asked for, else live on a terminal, plain in a pipe.

    `recorded`: the events are not of now, so no clock ticks between them.
    """
    if json:
        from kimi_mcp.cli.show.lines import JsonLines

        return JsonLines()
    if sys.stdout.isatty():
        from kimi_mcp.cli.show.live import Live

        return Live(ticking=not recorded)
    from kimi_mcp.cli.show.lines import PlainLines

    return PlainLines()
