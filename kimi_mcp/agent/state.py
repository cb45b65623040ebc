"""The state of a run: a fold over its events, the same live, on resume and in replay."""

import json
from dataclasses import dataclass, field, replace

from kimi_mcp.agent import events as ev
from kimi_mcp.model.messages import Call, CallResult, Message, System, Usage, User

HIDE_ABOVE = 400
"""Results up to this many characters stay when older results are hidden: a note would save nothing."""


SHOWING = frozenset({"edit_file", "write_file", "apply_patch"})
"""Functions whose result shows the change that they made."""


_PAUSED = ev.Reranked | ev.Started | ev.Resumed
"""Events before which nothing was at work."""


def hidden(result: CallResult) -> CallResult:
    """The note that stands in the place of an older result."""
    note = f"[Hidden to save room: {result.name}, {len(result.text):,} characters. Call again if needed.]"
    return replace(result, text=note, images=())


def call_key(name: str, arguments: object) -> str:
    """One spelling for a call whatever the order of its arguments."""
    return f"{name} {json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str)}"


@dataclass(slots=True)
class State:
    """What is known after the events so far. Only `apply` changes it."""

    started: ev.Started | None = None
    ended: ev.Ended | None = None
    reranked: ev.Reranked | None = None
    messages: list[Message] = field(default_factory=list[Message])
    pending: list[Call] = field(default_factory=list[Call])
    """Calls of the last answer that have no result yet."""
    asks: list[ev.Said] = field(default_factory=list[ev.Said])
    """What the user said, word for word."""
    plan: tuple[ev.PlanItem, ...] = ()
    step: int = 0
    tree: str = ""
    patched: ev.Patched | None = None
    tests: list[ev.TestRun] = field(default_factory=list[ev.TestRun])
    reproductions: list[ev.Reproduction] = field(default_factory=list[ev.Reproduction])
    submitted: ev.Submitted | None = None
    bounced: bool = False
    """Whether a submission was sent back before anything was measured."""
    doubted: bool = False
    """Whether one was sent back for what was measured."""
    unseen: bool = False
    """Whether the patch is more than the model saw in the result of one edit."""
    notices: set[str] = field(default_factory=set[str])
    """What the harness has said already; see `Said.about`."""
    silent: int = 0
    """Answers in a row without a call."""
    last_text: str = ""
    """The text of the last answer that had one."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: bool = False
    seconds: float = 0.0
    """Wall time at work; pauses between a stop and a resume are not in it."""
    last_at: float = 0.0

    @property
    def base(self) -> str:
        """The tree before the run."""
        return self.started.base if self.started else ""

    @property
    def tokens(self) -> int:
        """Tokens used by all answers, prompts included."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def untouched(self) -> bool:
        """Whether no file that was there before the run has been changed, tests aside."""
        touched = self.patched.touched if self.patched else ()
        return all(file.status == "added" or file.test for file in touched)

    def apply(self, event: ev.Event) -> None:
        """Take one event in."""
        if not ev.recorded(event):
            return
        if self.last_at and not isinstance(event, _PAUSED):
            self.seconds += max(0.0, event.at - self.last_at)
        self.last_at = event.at
        match event:
            case ev.Started():
                self.started = event
                self.tree = event.base
                self.messages = [System(event.system)]
            case ev.Reranked():
                self.reranked = event
                self.seconds += event.seconds
                self._paid(event.usage, event.cost)
            case ev.Said():
                self._said(event)
            case ev.Answered():
                self._answered(event)
            case ev.Returned():
                self._returned(event)
            case ev.Planned():
                self.plan = event.items
            case ev.Patched():
                self._patched(event)
            case ev.Folded():
                self._folded(event)
            case ev.Submitted():
                self._submitted(event)
            case ev.Resumed():
                self._resumed(event)
            case ev.Renewed():
                self._renewed(event)
            case ev.Ended():
                self.ended = event
            case _:
                pass

    def _patched(self, event: ev.Patched) -> None:
        last = self.messages[-1]
        shown = isinstance(last, CallResult) and last.name in SHOWING
        self.unseen = not shown or (self.patched is not None and bool(self.patched.touched))
        self.patched = event
        self.tree = event.tree

    def _submitted(self, event: ev.Submitted) -> None:
        self.submitted = event
        self.tests += event.tests
        self.reproductions += event.reproductions
        if not event.accepted and event.measured:
            self.doubted = True
        elif not event.accepted:
            self.bounced = True

    def _said(self, event: ev.Said) -> None:
        self.messages.append(User(event.text, event.images))
        self.notices.add(event.about)
        self.ended = None
        if event.by == "user":
            self.asks.append(event)
            self.submitted = None
            self.silent = 0

    def _resumed(self, event: ev.Resumed) -> None:
        self.ended = None
        if self.started and event.budget:
            self.started = self.started.model_copy(update={"budget": event.budget})
            self.notices.discard("budget")
        if self.started and event.system:
            frame = {"protocol": event.protocol, "system": event.system, "functions": event.functions}
            self.started = self.started.model_copy(update=frame)
            self.messages[0] = System(event.system)
        if self.started and self.started.protocol == "issue":
            self.silent = 0

    def _renewed(self, event: ev.Renewed) -> None:
        if self.started and event.base != self.base:
            self.started = self.started.model_copy(update={"base": event.base})
            self.tests, self.reproductions = [], []  # they were measured on files that are no more
        self.tree, self.patched = event.tree, None

    def _answered(self, event: ev.Answered) -> None:
        answer = event.answer
        self.step = event.step
        self.messages.append(answer.message)
        self.pending = list(answer.message.calls)
        self.last_text = answer.message.text or self.last_text
        self.silent = 0 if answer.message.calls else self.silent + 1
        self._paid(answer.usage, answer.cost)

    def _paid(self, usage: Usage, cost: float | None) -> None:
        self.prompt_tokens += usage.prompt
        self.cached_tokens += usage.cached
        self.completion_tokens += usage.completion
        self.cost += cost or 0.0
        self.unpriced = self.unpriced or (cost is None and usage.prompt > 0)

    def _returned(self, event: ev.Returned) -> None:
        self.messages.append(CallResult(event.id, event.name, event.text, event.images))
        if self.pending:
            self.pending.pop(0)
        self.tree = event.tree
        if event.usage:
            self._paid(event.usage, event.cost)
        if event.tests:
            self.tests.append(event.tests)
        if event.reproduction:
            self.reproductions.append(event.reproduction)

    def _folded(self, event: ev.Folded) -> None:
        self._paid(event.usage, event.cost)
        if event.how == "handoff":
            self.messages = [self.messages[0], User(event.text, event.images)]
            return
        for index, message in enumerate(self.messages[: event.through]):
            if isinstance(message, CallResult) and len(message.text) > HIDE_ABOVE:
                self.messages[index] = hidden(message)
