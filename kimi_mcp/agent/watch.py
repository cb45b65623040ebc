"""Work under way whose events can be watched, and which can be stopped."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from kimi_mcp.agent.events import Event
from kimi_mcp.model.messages import Image

T = TypeVar("T")
Emit = Callable[[Event], None]


class Stopped(Exception):
    """The work was stopped: by the user, or because its time was over."""


class Inbox:
    """What reaches a run from outside while it works: messages, and the wish that it stops.

    Belongs to the thread of the run's event loop, like everything of the run.
    """

    def __init__(self) -> None:
        self.messages: deque[tuple[str, tuple[Image, ...]]] = deque()
        self.stopping = False
        self.reason = ""
        self.on_stop: Callable[[], None] | None = None
        """Ends the work that is under way."""

    def say(self, text: str, images: tuple[Image, ...] = ()) -> None:
        """A message of the user; the model reads it before its next answer."""
        self.messages.append((text, images))

    def stop(self, reason: str = "The user cancelled the run.") -> None:
        """End the run: what is under way is cancelled, the best patch is kept."""
        self.reason = self.reason or reason
        self.stopping = True
        if self.on_stop is not None:
            self.on_stop()

    def open(self) -> None:
        """Let the run go on after a stop."""
        self.stopping = False
        self.reason = ""


class Under(Generic[T]):
    """One piece of work: iterate over its events, then take its `result`.

    Raises `Stopped` from `result` when the inbox asked to stop, or after `seconds`.
    """

    def __init__(
        self, work: Callable[[Emit], Awaitable[T]], inbox: Inbox, seconds: float | None = None
    ) -> None:
        self._work = work
        self._inbox = inbox
        self._seconds = seconds
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task: asyncio.Task[T] | None = None

    async def events(self) -> AsyncGenerator[Event]:
        """Start the work and give its events until it is done."""
        self._task = asyncio.create_task(self._bounded())
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))
        self._inbox.on_stop = self._cancel
        if self._inbox.stopping:
            self._cancel()
        try:
            while (event := await self._queue.get()) is not None:
                yield event
        finally:
            self._inbox.on_stop = None
            self._cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._task

    def result(self) -> T:
        """What the work came to; its exceptions are raised here."""
        if self._task is None or self._task.cancelled():
            raise Stopped(self._inbox.reason or "The work was stopped.")
        return self._task.result()

    async def _bounded(self) -> T:
        clock = asyncio.timeout(self._seconds)
        try:
            async with clock:
                return await self._work(self._queue.put_nowait)
        except TimeoutError:
            if clock.expired():
                raise Stopped("The time of the run is over.") from None
            raise

    def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
