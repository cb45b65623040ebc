"""When one more request to the model may go: the limits of one account, and what its host's refusals teach.

Three limits can be told: requests at once, requests per minute, tokens per minute. A fourth is learned: where the
host refuses (429), nobody asks until the time that it names (or a doubling one), and from then on fewer ask at once:
half of those that did, one more for each round that went well (as TCP does). Requests that were already on their
way when the host first refused teach nothing more.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_SECONDS = 61.0
"""A minute, and a second for the way to the host, whose minute begins when a request arrives there."""

MOST_HELD = 120.0
"""Seconds; a host that asks for more is asked again after these."""


@dataclass(slots=True, eq=False)
class Grant:
    """A request that may go: when, and the tokens that it counts for."""

    moment: float
    tokens: int
    refused: bool = False


@dataclass(slots=True)
class Pace:
    """The state of one account. A limit of 0 is none; times are those of `now`, in seconds."""

    concurrency: int = 0
    requests: int = 0
    tokens: int = 0
    now: Callable[[], float] = time.monotonic
    running: int = 0
    spent: deque[Grant] = field(default_factory=lambda: deque[Grant]())
    spent_tokens: int = 0
    learned: float = 0.0
    """Requests at once that the host's refusals left; 0 before the first."""
    held_until: float = 0.0
    taught: float = -1.0
    """When the last refusal that counted came."""
    refusals: int = 0
    """In a row, without a request that went well in between."""

    def wait(self, tokens: int) -> float | None:
        """Seconds until a request of so many tokens may go; 0 is now, None when only an ended request makes room."""
        moment = self.now()
        while self.spent and self.spent[0].moment <= moment - WINDOW_SECONDS:
            self.spent_tokens -= self.spent.popleft().tokens
        if self.running >= self._width():
            return None
        if self.held_until > moment:
            return self.held_until - moment
        if self.requests and len(self.spent) >= self.requests:
            return self.spent[len(self.spent) - self.requests].moment + WINDOW_SECONDS - moment
        if self.tokens and self.spent and self.spent_tokens + tokens > self.tokens:
            return self.spent[0].moment + WINDOW_SECONDS - moment
        return 0.0

    def _width(self) -> float:
        widths = [width for width in (self.concurrency, self.learned) if width]
        return max(1, min(widths)) if widths else float("inf")

    def go(self, tokens: int) -> Grant:
        """A request goes."""
        grant = Grant(self.now(), tokens)
        self.running += 1
        self.spent.append(grant)
        self.spent_tokens += tokens
        return grant

    def settle(self, grant: Grant, tokens: int) -> None:
        """What the request really counted for, once the host has said it."""
        if self.spent and self.spent[0].moment <= grant.moment:  # it is still in the window
            self.spent_tokens += tokens - grant.tokens
            grant.tokens = tokens

    def refuse(self, grant: Grant, seconds: float | None, slots: int) -> None:
        """The host refused a request for its limits; `seconds` and `slots` (at once) where it names them."""
        grant.refused = True
        moment = self.now()
        if slots:
            self.concurrency = min(self.concurrency or slots, slots)
        if seconds is not None:
            self.held_until = max(self.held_until, moment + min(seconds, MOST_HELD))
        if grant.moment <= self.taught:
            return
        self.taught = moment
        self.refusals += 1
        self.learned = max(1.0, min(self.running, self._width()) / 2)
        if seconds is None:
            self.held_until = max(self.held_until, moment + min(2.0 ** (self.refusals - 1), MOST_HELD))

    def end(self, grant: Grant) -> None:
        """A request is over, one way or another."""
        self.running -= 1
        if not grant.refused and grant.moment > self.taught:
            self.refusals = 0
            if self.learned:
                self.learned += 1 / self.learned
