"""What one account may ask of its host, shared by everybody who uses the account."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Gate(Protocol):
    """Lets requests through at the account's pace."""

    def request(self, tokens: int) -> AbstractAsyncContextManager[None]:
        """Wait until one more request of so many tokens may be made; the block is the request.

        `tokens` is what the host charges: the prompt and the answer's whole cap (Moonshot's rule).
        """
        ...
