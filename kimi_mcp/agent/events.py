"""What happens in a run, as frozen data: the one thing that the loop makes and every face reads.

A run is its events. The state of a run (`kimi_mcp.agent.state`) is a fold over them, so a list of recorded
events is enough to resume it, to replay it without a model, and to export it. `Streamed` and `Progressed` are
for watching only and are not recorded.
"""

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kimi_mcp.agent import allowance
from kimi_mcp.model.messages import Answer, Function, Image, Usage

Mode = Literal["instant", "thinking", "agent", "swarm"]
"""instant: without thinking; thinking: with; agent: with, a few helpers that read, and several attempts where one is
not enough; swarm: as agent, and begins with up to 100 helpers side by side."""

HELPED: tuple[Mode, ...] = ("agent", "swarm")
"""Modes with helpers and with several attempts."""

Protocol = Literal["issue", "chat", "plan"]
"""issue: ends with a checked submission; chat: a turn ends when the model answers without a call; plan: the
same, and the answer is a plan for a change."""


class Fact(BaseModel):
    """Frozen data that events are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Budget(Fact):
    """What a run may use; 0 means no limit. `cost` in US dollars, `seconds` of wall time."""

    steps: int = Field(default=allowance.STEPS, ge=0)
    tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=allowance.DOLLARS, ge=0)
    seconds: float = Field(default=allowance.SECONDS, ge=0)


class PlanItem(Fact):
    """One line of the model's working plan."""

    text: str
    state: Literal["todo", "doing", "done", "dropped"]


class TestRun(Fact):
    """One measured test run. `failed` and `passed` are test ids; `tree` is the state of the files it saw.

    `before` says that no existing source file had been changed yet. `errors` says why nothing could run.
    """

    __test__ = False

    command: str
    tree: str
    before: bool
    failed: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    skipped: int = 0
    errors: str = ""


class Reproduction(Fact):
    """One measured run of the command that shows the problem; `output` is its clipped tail."""

    command: str
    tree: str
    before: bool
    exit_code: int
    output: str


class Touched(Fact):
    """One file that the patch changes; `added` and `removed` count lines, -1 for a binary file."""

    path: str
    status: Literal["added", "modified", "deleted", "renamed"]
    added: int
    removed: int
    test: bool
    """Whether it is a test file by its place or name."""


class Evidence(Fact):
    """What the harness measured about the final patch; nothing here is the model's word.

    `fixed`: test ids that failed before and pass after. `broken`: passed before and fail after. `failing`:
    fail after, and were not seen before. `problems`: why the submission was or would be bounced.
    """

    touched: tuple[Touched, ...] = ()
    reproduced_before: bool | None = None
    """Whether the reproduction failed without the patch; None when there is none."""
    passes_after: bool | None = None
    """Whether the reproduction succeeds with the patch."""
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    passing: int = 0
    problems: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether something was measured on the final files and nothing measured speaks against them."""
        measured = self.passes_after is True or self.passing > 0
        return measured and not self.problems and not self.broken and self.passes_after is not False


Status = Literal["submitted", "answered", "limit", "stuck", "cancelled", "model_failed", "crashed"]


class Outcome(Fact):
    """How a run ended, with the best patch so far whatever the way out.

    `cost` in US dollars; `unpriced`: of some of its requests the price is not known, and they are not in it.
    """

    status: Status
    reason: str
    summary: str = ""
    patch: str = ""
    tree: str = ""
    evidence: Evidence = Evidence()
    steps: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: bool = False
    seconds: float = 0.0
    attempt: int = 1
    """Which attempt this is, of how many `attempts`; what was used is that of all."""
    attempts: int = 1


class _Event(Fact):
    at: float = Field(default_factory=time.time)
    """Seconds since the epoch."""


class Started(_Event):
    """The run's frame: enough to make the same first request again."""

    kind: Literal["started"] = "started"
    model: str
    window: int
    mode: Mode
    protocol: Protocol
    budget: Budget
    system: str
    functions: tuple[Function, ...]
    base: str
    """The tree of the files before the run."""


class Reranked(_Event):
    """The model was asked, before the run, which of the likely places to show it first.

    `order`: the files that it chose; none where the computed order stands, and `problem` says why.
    """

    kind: Literal["reranked"] = "reranked"
    order: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost: float | None = 0.0
    seconds: float = 0.0
    problem: str = ""


class Said(_Event):
    """A user message in the history. `about`: what made the harness say it, or `issue`, `steering`."""

    kind: Literal["said"] = "said"
    text: str
    images: tuple[Image, ...] = ()
    by: Literal["user", "harness"]
    about: str


class Answered(_Event):
    """The model's answer: one step begins."""

    kind: Literal["answered"] = "answered"
    step: int
    answer: Answer


class Called(_Event):
    """One call begins. `title` is a few words for a screen."""

    kind: Literal["called"] = "called"
    step: int
    id: str
    name: str
    title: str
    effect: str


class Returned(_Event):
    """The one result of one call, as the model reads it. `tree`: the files' state behind it."""

    kind: Literal["returned"] = "returned"
    step: int
    id: str
    name: str
    text: str
    images: tuple[Image, ...] = ()
    failed: bool
    seconds: float
    tree: str
    tests: TestRun | None = None
    reproduction: Reproduction | None = None
    usage: Usage | None = None
    """Tokens of the answers that the call itself asked for."""
    cost: float | None = 0.0


class Planned(_Event):
    """The model changed its plan."""

    kind: Literal["planned"] = "planned"
    step: int
    items: tuple[PlanItem, ...]


class Patched(_Event):
    """The files changed. `patch`: the whole difference to the base; empty when too large to record."""

    kind: Literal["patched"] = "patched"
    step: int
    tree: str
    touched: tuple[Touched, ...]
    patch: str


class Folded(_Event):
    """The context was made smaller.

    `hide`: the longer results among the first `through` messages were replaced by a line each. `handoff`:
    everything behind the system prompt was replaced by `text`.
    """

    kind: Literal["folded"] = "folded"
    how: Literal["hide", "handoff"]
    through: int = 0
    text: str = ""
    images: tuple[Image, ...] = ()
    before: int
    """Tokens of the prompt before, estimated."""
    usage: Usage = Usage()
    cost: float | None = 0.0
    """What the model's note cost."""


class Submitted(_Event):
    """The model submitted; `accepted` is False where it was sent back, with the reasons in the evidence.

    It is sent back once before anything is measured (the rules, and a patch that was never seen whole) and once
    for what was measured. `tests` and `reproductions`: what the harness ran itself for it.
    """

    kind: Literal["submitted"] = "submitted"
    step: int
    summary: str
    evidence: Evidence
    accepted: bool
    measured: bool = True
    tests: tuple[TestRun, ...] = ()
    reproductions: tuple[Reproduction, ...] = ()


class Troubled(_Event):
    """Something went wrong that the run survived or that ended it: a sentence for the user."""

    kind: Literal["troubled"] = "troubled"
    text: str


class Resumed(_Event):
    """A run that had stopped goes on; `seconds` of pause do not count against its time."""

    kind: Literal["resumed"] = "resumed"
    model: str
    budget: Budget | None = None
    """What the run may use as a whole from now on; None leaves it."""
    protocol: Protocol | None = None
    system: str = ""
    functions: tuple[Function, ...] = ()
    """The new frame, where the user ordered another protocol or other functions in between."""


class Renewed(_Event):
    """The private copy of a run that goes on was made anew, from the user's files as they are now.

    `base`: those files; `tree`: with the run's changes on top. `taken`: files that held the changes already;
    `lost`: files whose changes do not fit any more, left as the user has them.
    """

    kind: Literal["renewed"] = "renewed"
    base: str
    tree: str
    taken: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Attempted(_Event):
    """One of several attempts at the issue ended; the run goes on with another, or chooses."""

    kind: Literal["attempted"] = "attempted"
    number: int
    outcome: Outcome


class Ended(_Event):
    """The last event of a run."""

    kind: Literal["ended"] = "ended"
    outcome: Outcome


class Streamed(_Event):
    """A piece of an answer while it is made; not recorded."""

    kind: Literal["streamed"] = "streamed"
    step: int
    what: Literal["reasoning", "text", "retry"]
    text: str


class Progressed(_Event):
    """What a running call does now; not recorded."""

    kind: Literal["progressed"] = "progressed"
    step: int
    id: str
    message: str
    done: float | None = None
    total: float | None = None


Event = Annotated[
    Started
    | Reranked
    | Said
    | Answered
    | Called
    | Returned
    | Planned
    | Patched
    | Folded
    | Submitted
    | Troubled
    | Resumed
    | Renewed
    | Attempted
    | Ended
    | Streamed
    | Progressed,
    Field(discriminator="kind"),
]

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Event)


def recorded(event: Event) -> bool:
    """Whether an event belongs into the record of a run."""
    return not isinstance(event, Streamed | Progressed)


def to_json(event: Event) -> str:
    """One event as one line of JSON."""
    return _ADAPTER.dump_json(event).decode()


def from_json(line: str | bytes) -> Event:
    """The event of a line. Raises `ValueError` for a line that is none."""
    return _ADAPTER.validate_json(line)
