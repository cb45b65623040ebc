"""Whether a run gets anywhere: identical calls, cycles of calls, and steps that bring nothing new.

Peers see only identical neighbouring calls; Kimi's command line once made 76 of them in 697 steps
(MoonshotAI/kimi-cli#2142). The ladder 3, 5, 8, 12 is Moonshot's own.
"""

import hashlib
import re
from collections import Counter, deque
from dataclasses import dataclass, field

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import call_key

REPEATS = {3: "remind", 5: "warn", 8: "replan"}
REPEATS_END = 12
RECENT_CALLS = 48
"""Calls in which repeats are counted: 12 rounds of a cycle of 4."""

IDLE_REMIND, IDLE_REPLAN, IDLE_END = 8, 14, 20
"""Steps in a row that changed no file, gave no new test result and read nothing new."""

STILL_REMIND = 60
"""Steps in a row without a changed file or a new test result, however much was read."""

_VARYING = re.compile(r"\d+\.\d+ ?s\b|\d+(\.\d+)? seconds|0x[0-9a-f]+|\d\d:\d\d:\d\d(\.\d+)?")


@dataclass(slots=True)
class Progress:
    """A fold over the run's events, like the state."""

    recent: deque[str] = field(default_factory=lambda: deque[str](maxlen=RECENT_CALLS))
    seen: set[bytes] = field(default_factory=set[bytes])
    idle: int = 0
    still: int = 0
    repeated: str = ""
    """The name of the call that was just made again, and how often."""
    repeats: int = 0
    said: set[str] = field(default_factory=set[str])
    _tree: str = ""
    _new: bool = True
    _moved: bool = True

    def apply(self, event: ev.Event) -> None:
        """Take one event in."""
        match event:
            case ev.Started():
                self._tree = event.base
            case ev.Answered():
                self._step(event)
            case ev.Returned():
                self._result(event)
            case ev.Patched():
                self._tree = event.tree
                self._moved = self._fresh(f"tree {event.tree}") or self._moved
            case ev.Said(by="user") | ev.Resumed():
                self.__init__(_tree=self._tree)
            case ev.Said():
                self.said.add(event.about)
            case ev.Folded():
                self.seen.clear()  # what was hidden may be read again
            case _:
                pass

    def _step(self, event: ev.Answered) -> None:
        """The step before is complete: count it; then begin this one."""
        self.idle = 0 if self._new or self._moved else self.idle + 1
        self.still = 0 if self._moved else self.still + 1
        if not self.idle:
            self.said -= {"idle remind", "idle replan"}
        self._new = self._moved = False
        calls = event.answer.message.calls
        keys = [f"{self._tree} {call_key(call.name, call.arguments or call.raw)}" for call in calls]
        self.recent.extend(dict.fromkeys(keys))
        self.repeats = 0
        counts = Counter(self.recent)
        for call, key in zip(calls, keys, strict=True):
            if counts[key] > self.repeats:
                self.repeated, self.repeats = call.name, counts[key]
        if self.repeats < min(REPEATS):
            self.said -= {f"repeat {level}" for level in REPEATS.values()}

    def _result(self, event: ev.Returned) -> None:
        new = self._fresh(_VARYING.sub("", event.text))
        self._new = self._new or new
        if event.tests or event.reproduction:
            self._moved = self._moved or new

    def _fresh(self, text: str) -> bool:
        key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def notice(self) -> tuple[str, str]:
        """What to tell the model now and what it is about; two empty strings when all is well."""
        for count, level in sorted(REPEATS.items(), reverse=True):
            if self.repeats >= count:
                return self._once(f"repeat {level}", self._repeat_text(level))
        if self.idle >= IDLE_REPLAN:
            return self._once("idle replan", f"{self.idle} steps {_NOTHING_NEW} {_REPLAN}")
        if self.idle >= IDLE_REMIND:
            return self._once("idle remind", f"{self.idle} steps {_NOTHING_NEW} Do something different.")
        if self.still and self.still % STILL_REMIND == 0:
            text = f"{self.still} steps without an edit or a new test result. Decide with what you know."
            return self._once(f"still {self.still}", text)
        return "", ""

    def stuck(self) -> str:
        """Why the run must end for lack of progress; empty while it may go on."""
        if self.repeats >= REPEATS_END:
            return f"The same call of {self.repeated} was made {self.repeats} times with nothing changed."
        if self.idle >= IDLE_END:
            return f"{self.idle} steps in a row brought nothing new."
        return ""

    def _once(self, about: str, text: str) -> tuple[str, str]:
        return ("", "") if about in self.said else (text, about)

    def _repeat_text(self, level: str) -> str:
        text = f"You made the same call of {self.repeated} {self.repeats} times; the answer will not change."
        if level == "remind":
            return text + " Use what it told you, or try something else."
        if level == "warn":
            return text + " Do not make it again. Say what you expected to learn and how else to learn it."
        return f"{text} {_REPLAN}"


_NOTHING_NEW = "in a row changed no file, gave no new test result and read nothing new."
_REPLAN = (
    "Stop and think: write down what you know, which assumption may be wrong, and a new plan with "
    "update_plan; then take its first step. If the fix is complete, submit it."
)
