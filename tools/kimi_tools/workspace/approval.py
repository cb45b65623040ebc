"""Asking for leave: the effects that the workshop does not have by itself."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asking:
    """A question for leave.

    `effect`: what would be done, as a sentence's predicate. `subject`: the path, command or host. `content`:
    exactly what the leave covers (a diff, an argument list), hidden code points escaped by whoever shows it.
    `flag`: the option that would give the leave without asking.
    """

    effect: str
    subject: str
    content: str
    flag: str


Approve = Callable[[Asking], bool]
"""Answers an `Asking`. May block: it is called from a worker thread, never from the event loop."""


def refuse(asking: Asking) -> bool:
    """The answer where nobody can be asked."""
    return False
