"""What needs the user's leave, and how it is given.

Safe by themselves: reading and editing the workspace's ordinary files (every edit can be undone), and
commands in the sandbox. For anything beyond, the code that is about to do it calls `Policy.require` before
its first effect. Leave is given beforehand for a whole kind (`--allow`), or by asking: `Tool` then asks through
whatever the face has set (`asking`), and calls the tool again. An answer counts for that content only, not
for a name (CVE-2025-54136), and for what leaves the machine only until strangers' text was read again.
"""

import hashlib
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, get_args

from kimi_tools.errors import NotAllowed

Kind = Literal["protected", "secrets", "commits", "network", "servers"]
"""Writing a protected file; reading or committing a file of secrets; a commit on a branch that the workshop
did not make; reaching another machine; calling a tool of somebody else's MCP server."""

KINDS: tuple[Kind, ...] = get_args(Kind)

_OUTWARD = ("network", "servers")


@dataclass(frozen=True, slots=True)
class Request:
    """One effect that needs leave.

    `subject`: the path, branch or host. `sentence`: what would happen, for the user. `content`: exactly what
    the answer covers (a diff, an argument list), shown to the user with `visible`; other content asks again.
    `always`: the identity of what a lasting yes covers, where a face offers one; empty: this content only.
    """

    kind: Kind
    subject: str
    sentence: str
    content: str = ""
    always: str = ""

    @property
    def digest(self) -> str:
        """The identity of the effect: its kind, subject and content."""
        whole = hashlib.sha256()
        for part in (self.kind, self.subject, self.content):
            data = part.encode("utf-8", "surrogatepass")
            whole.update(b"%d:" % len(data) + data)
        return whole.hexdigest()


class NeedsLeave(NotAllowed):
    """The effect needs leave that was not given; `request` says which."""

    def __init__(self, request: Request) -> None:
        super().__init__(
            f"{visible(request.sentence)} That needs the user's leave: start kimi-mcp with {_flag(request)}, "
            "or leave it out."
        )
        self.request = request


def _flag(request: Request) -> str:
    if request.kind == "network":
        return f"--allow-network {request.subject}"
    return f"--allow {request.kind} (or KIMI_MCP_ALLOW={request.kind})"


Ask = Callable[[Request], Awaitable[bool]]
"""Puts a request before the user; the answer is yes or no. May raise `ToolError`."""

_ask: ContextVar[Ask | None] = ContextVar("ask", default=None)


@contextmanager
def asking(ask: Ask) -> Generator[None]:
    """Within the block, requests of this task are put before the user through `ask`."""
    token = _ask.set(ask)
    try:
        yield
    finally:
        _ask.reset(token)


def current_ask() -> Ask | None:
    """How this task can ask the user, or None."""
    return _ask.get()


@dataclass(slots=True)
class Policy:
    """The leave that one session has: whole kinds, and answers bound to content."""

    allowed: frozenset[Kind] = frozenset()
    _answers: dict[str, Kind] = field(default_factory=lambda: dict[str, Kind]())

    @staticmethod
    def allowing(kinds: Iterable[str]) -> "Policy":
        """A policy that allows the named kinds. Raises `NotAllowed` for a name that is not a kind."""
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise NotAllowed(
                f"There is no such leave: {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}."
            )
        return Policy(frozenset(kind for kind in KINDS if kind in set(kinds)))

    def require(self, request: Request) -> None:
        """Do nothing if there is leave. Raises `NeedsLeave`."""
        if request.kind not in self.allowed and request.digest not in self._answers:
            raise NeedsLeave(request)

    def grant(self, request: Request) -> None:
        """Remember a yes, for this very content."""
        self._answers[request.digest] = request.kind

    async def settle(self, need: NeedsLeave, ask: Ask | None = None) -> None:
        """Ask for what was missing; returns when the answer was yes.

        Raises `need` where nobody can be asked, `NotAllowed` for a no.
        """
        ask = ask or current_ask()
        if ask is None:
            raise need
        if not await ask(need.request):
            raise NotAllowed(f"{visible(need.request.sentence)} The user was asked and said no.")
        self.grant(need.request)

    def strangers_were_read(self) -> None:
        """Text that a stranger may have written was shown to a model: outward leave must be asked again."""
        for digest in [digest for digest, kind in self._answers.items() if kind in _OUTWARD]:
            del self._answers[digest]


def visible(text: str) -> str:
    """Text as an approval shows it: control, invisible and direction-changing characters escaped."""
    return "".join(
        character if character.isprintable() or character == "\n" else f"\\u{{{ord(character):x}}}"
        for character in text
    )
