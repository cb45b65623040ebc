"""How a long tool says what it is doing, without knowing who listens.

A face (MCP, ACP, the agent, a terminal) listens with `reporting_to`; a tool calls `report`. Where nobody
listens, a report costs one context lookup.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: a short message, and how much of what total is done where that is known."""

    message: str
    done: float | None = None
    total: float | None = None


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("kimi_tools_progress", default=None)


@contextmanager
def reporting_to(listener: Listener) -> Generator[None]:
    """Send the reports of everything called inside the block to `listener`, which must not block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(message: str, done: float | None = None, total: float | None = None) -> None:
    """Tell whoever listens what is being done."""
    listener = _listener.get()
    if listener is not None:
        listener(Progress(message, done, total))
