"""What one run has in its hands: a model, functions, files, what reaches it from outside, what it knows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import limits, verify
from kimi_mcp.agent.progress import Progress
from kimi_mcp.agent.snapshot import MAX_PATCH_CHARS, Snapshot
from kimi_mcp.agent.spending import Spending
from kimi_mcp.agent.state import State
from kimi_mcp.agent.toolbox import Done, Toolbox
from kimi_mcp.agent.watch import Emit, Inbox, Under
from kimi_mcp.model.messages import Function, Image, Model
from kimi_tools.clip import clip

T = TypeVar("T")

DIFF_CHARS = 16_000
"""Of the patch, about 5k tokens are shown to the model at a hand-over or a review."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to do: the issue's text and images, what the model is told about the repository, and how."""

    issue: str
    images: tuple[Image, ...] = ()
    repository: str = ""
    mode: ev.Mode = "thinking"
    protocol: ev.Protocol = "issue"
    budget: ev.Budget = field(default_factory=ev.Budget)


@dataclass(slots=True)
class Agent:
    """One run in memory; `kimi_mcp.agent.loop.run` makes it work.

    `private`: the files are a copy of the run's own, so that the harness may set them back to measure.
    """

    model: Model
    toolbox: Toolbox
    snapshot: Snapshot
    private: bool
    inbox: Inbox = field(default_factory=Inbox)
    protocol: ev.Protocol | None = None
    """What is ordered now, where a run goes on; None: as it began."""
    state: State = field(default_factory=State)
    progress: Progress = field(default_factory=Progress)

    def take(self, event: ev.Event) -> ev.Event:
        """Take in one event: a new one, or one that an earlier process recorded."""
        self.state.apply(event)
        self.progress.apply(event)
        return event

    @property
    def functions(self) -> tuple[Function, ...]:
        """What the model is offered: what the run began with, so that the prompt's prefix stays the same."""
        return self.state.started.functions if self.state.started else self.toolbox.functions

    @property
    def resolves(self) -> bool:
        """Whether this run ends with a checked submission."""
        return self.state.started is not None and self.state.started.protocol == "issue"

    def under(self, work: Callable[[Emit], Awaitable[T]]) -> Under[T]:
        """Work that ends when the user stops the run or its time is over."""
        return Under(work, self.inbox, limits.seconds_left(self.state))

    def prompt_tokens(self) -> int:
        """About how many tokens the next prompt takes."""
        return self.model.estimate(self.state.messages, self.functions)

    def visible(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        """Images for a model that sees; none for one that does not."""
        return images if self.model.sees else ()

    async def diff(self) -> str:
        """The patch so far as the model reads it: bounded."""
        patch = await self.snapshot.patch(self.state.base, self.state.tree)
        return clip(patch.decode("utf-8", "replace"), DIFF_CHARS, more="read the files")

    async def patched(self, tree: str) -> ev.Patched:
        """The event of changed files."""
        patch = await self.snapshot.patch(self.state.base, tree)
        return ev.Patched(
            step=self.state.step,
            tree=tree,
            touched=await self.snapshot.touched(self.state.base, tree),
            patch=patch.decode("utf-8", "replace") if len(patch) <= MAX_PATCH_CHARS else "",
        )

    def returned(self, done: Done, tree: str = "") -> ev.Returned:
        """The event of one call's result, with what it showed about the files."""
        tree = tree or self.state.tree
        tests, reproduction = verify.shown_by(done, self.state, tree)
        return ev.Returned(
            step=self.state.step,
            id=done.call.id,
            name=done.call.name,
            text=done.text,
            failed=done.failed,
            seconds=done.seconds,
            tree=tree,
            tests=tests,
            reproduction=reproduction,
            usage=done.data.usage if isinstance(done.data, Spending) else None,
            cost=done.data.cost if isinstance(done.data, Spending) else 0.0,
        )
