"""What one account may ask of its host, shared by everybody who uses the account."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Place(Protocol):
    """One request under way."""

    def settle(self, tokens: int) -> None:
        """The host has counted the prompt: so many tokens is what it charges."""
        ...

    def refused(self, seconds: float | None, slots: int) -> None:
        """The host refused it for the account's limits.

        `seconds` to wait and `slots` (requests at once) where it names them: None and 0 where not.
        """
        ...


class Gate(Protocol):
    """Lets requests through at the account's pace."""

    def request(self, tokens: int) -> AbstractAsyncContextManager[Place]:
        """Wait until one more request of so many tokens may be made; the block is the request.

        `tokens` is what the host charges: the prompt and the answer's whole cap (Moonshot's rule).
        """
        ...


class _Free:
    def settle(self, tokens: int) -> None: ...

    def refused(self, seconds: float | None, slots: int) -> None: ...


class OpenGate:
    """For an account that nobody else uses: never waits."""

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncGenerator[Place]:
        """As `Gate.request`."""
        yield _Free()
