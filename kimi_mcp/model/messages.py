"""The words in which the agent and a model speak; plain frozen data, the same for every host."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for a model that sees. `media_type`: image/png, image/jpeg, image/webp or image/gif."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class System:
    """The system prompt; the first message of a history."""

    text: str


@dataclass(frozen=True, slots=True)
class User:
    """What the user, or the harness in the user's place, says."""

    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One function call of an answer.

    `arguments` is the parsed object, or None where it could not be read; then `problem` is the sentence for
    the model. `raw` is the text as the host sent it. `recovered` says that the call leaked as text.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    raw: str
    problem: str = ""
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class Assistant:
    """A model's answer as it stands in the history.

    `reasoning_key` is the field in which the host sent the reasoning; it is echoed under the same name.
    `reasoning_details` is OpenRouter's opaque list, echoed as it came.
    """

    text: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    reasoning_key: str = "reasoning_content"
    reasoning_details: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class CallResult:
    """The one result of one call."""

    call_id: str
    name: str
    text: str
    images: tuple[Image, ...] = ()


Message = System | User | Assistant | CallResult


@dataclass(frozen=True, slots=True)
class Function:
    """A function offered to the model; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `cached` is the part of `prompt` that the host's prefix cache served.

    `charged`: US dollars that the host says it took, None where it says nothing.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    estimated: bool = False
    charged: float | None = None


Finish = Literal["calls", "stop", "length", "filtered"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. `cost` in US dollars, None where the price is not known; `seconds` of wall time.

    `notes` says in plain words what was repaired on the way (leaked calls, JSON, finish reason, retries).
    """

    message: Assistant
    usage: Usage
    finish: Finish
    cost: float | None
    seconds: float
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer while it streams; `kind` says of what. Calls arrive whole, in the answer only."""

    kind: Literal["reasoning", "text", "retry"]
    text: str


class Model(Protocol):
    """Anything that answers: the client of a real host, a recorded session, a test's script."""

    @property
    def name(self) -> str:
        """The model's id at its host."""
        ...

    @property
    def window(self) -> int:
        """Tokens that prompt and answer may hold together."""
        ...

    @property
    def sees(self) -> bool:
        """Whether it takes images."""
        ...

    def estimate(self, messages: Sequence[Message], functions: Sequence[Function]) -> int:
        """About how many tokens a prompt takes: the last answer's usage and an estimate of the tail."""
        ...

    async def answer(
        self,
        messages: Sequence[Message],
        functions: Sequence[Function],
        *,
        on_delta: Callable[[Delta], Awaitable[None]] | None = None,
    ) -> Answer:
        """The model's next answer. Raises the errors of `kimi_mcp.model.errors`."""
        ...

    def aside(self) -> "Model":
        """The same model for one short question beside the history.

        Without thinking where that can be switched off, within few tokens, asked once: an answer that is empty or
        cut is returned as it is.
        """
        ...
