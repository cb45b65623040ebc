"""The account's limits: concurrency, requests and tokens per minute, tokens per day."""

import threading
import time
from collections import deque
from dataclasses import dataclass, replace

from tests.kimi_api.errors import ERRORS, ORGANISATION, ApiError

DEFAULT_CAP = 32_768
"""Tokens that are charged where a request names no cap."""


@dataclass
class Account:
    """What one account may do; 0 is no limit. `minute`: seconds in one, shorter for tests.

    Tokens are charged as request tokens + max_completion_tokens, "regardless of the actual number generated"
    (platform.kimi.ai, rate limits).
    """

    concurrency: int = 0
    rpm: int = 0
    tpm: int = 0
    tpd: int = 0
    minute: float = 60.0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._today = 0

    def admit(self, prompt: int, cap: int | None) -> None:
        """Charge a request, or raise the 429 that it meets."""
        charge = prompt + (cap or DEFAULT_CAP)
        with self._lock:
            now = time.monotonic()
            while self._recent and now - self._recent[0][0] >= self.minute:
                self._recent.popleft()
            if self.concurrency and self._running >= self.concurrency:
                raise _limit("concurrency", f"max organization concurrency: {self.concurrency}", self.minute)
            if self.rpm and len(self._recent) >= self.rpm:
                raise _limit("rpm", f"organization max RPM: {self.rpm}", self._wait(now))
            spent = sum(tokens for _, tokens in self._recent)
            if self.tpm and spent + charge > self.tpm:
                raise _over("tpm", spent + charge, self.tpm)
            if self.tpd and self._today + charge > self.tpd:
                raise _over("tpd", self._today + charge, self.tpd)
            self._recent.append((now, charge))
            self._today += charge
            self._running += 1

    def release(self) -> None:
        """One request has ended."""
        with self._lock:
            self._running -= 1

    def _wait(self, now: float) -> float:
        return max(0.0, self.minute - (now - self._recent[0][0]))


def _limit(kind: str, what: str, wait: float) -> ApiError:
    seconds = max(0, round(min(wait, 60)))
    message = f"{ORGANISATION} request reached {what}, please try again after {seconds} seconds"
    return replace(ERRORS[kind], message=message, retry_after=str(seconds))


def _over(kind: str, current: int, limit: int) -> ApiError:
    message = (
        f"{ORGANISATION} request reached organization {kind.upper()} rate limit, "
        f"current: {current}, limit: {limit}"
    )
    return replace(ERRORS[kind], message=message)
