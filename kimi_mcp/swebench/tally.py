"""Where a batch stands: counted as outcomes come, so that asking costs nothing however large the batch."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from kimi_mcp.swebench.jobs import Ended
from kimi_mcp.swebench.report import Row, row

RECENT = 50
"""Rows that are kept in the order of their ends."""


@dataclass(slots=True)
class Tally:
    """`running` maps instances in the workers' hands to when they began (monotonic).

    `rows`: what a report tells of each ended instance; `recent`: the last of them.
    """

    total: int
    rows: dict[str, Row] = field(default_factory=lambda: dict[str, Row]())
    running: dict[str, float] = field(default_factory=lambda: dict[str, float]())
    states: Counter[str] = field(default_factory=lambda: Counter[str]())
    recent: deque[Row] = field(default_factory=lambda: deque[Row](maxlen=RECENT))
    cost: float | None = None
    """Of the ended; None while none has asked a model."""
    unpriced: int = 0
    """Instances whose cost is not known as a whole."""
    worked: float = 0.0
    """Seconds of workers, of all ended instances."""
    resumed: int = 0
    ending: bool = False
    """Nothing more begins."""
    unfinished: int = 0
    """Of the ended: those that failed, crashed or timed out."""

    def add(self, ended: Ended, *, resumed: bool = False) -> None:
        """An instance ended, or had before this sitting."""
        self.running.pop(ended.instance, None)
        made = row(ended)
        self.rows[ended.instance] = made
        self.states[made.state] += 1
        self.recent.append(made)
        if made.cost is not None:
            self.cost = (self.cost or 0) + made.cost
        self.unpriced += made.unpriced
        self.worked += made.seconds
        self.resumed += resumed
        self.unfinished += ended.status != "done"

    def seconds_left(self) -> float | None:
        """About how long the rest takes at the ended ones' mean length; None before the first end."""
        waiting = 0 if self.ending else self.total - len(self.rows) - len(self.running)
        if not self.rows or not (waiting or self.running):
            return None
        mean, now = self.worked / len(self.rows), time.monotonic()
        rests = [max(mean / 4, mean - (now - began)) for began in self.running.values()]
        return max(max(rests, default=0.0), (sum(rests) + waiting * mean) / max(1, len(self.running)))
