"""What the endpoint is told to answer: one `Turn` per request, from Python or from a JSON file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Call:
    """One tool call. A string for `arguments` is sent as it is, so it may be broken JSON.

    `id`: None makes one as the host would (`functions.name:index`); "" sends none. `index`: the stream's.
    """

    name: str
    arguments: Mapping[str, Any] | str = "{}"
    id: str | None = None
    index: int | None = None

    @property
    def text(self) -> str:
        """The arguments as they go over the wire."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Turn:
    """One answer, or one fault.

    The answer: `text`, `reasoning`, `calls`; `leak` puts the calls into the content or the reasoning as text,
    in the K2 or the K3 form. `finish`: "" takes what is right, None sends null. `usage`: where it stands
    (`top`: top-level cached_tokens; `details`: prompt_tokens_details; `choice`: in choices[0]; `none`).
    `choices` replaces the whole list (`[]`, `[{"message": None}]`), "missing" leaves the field out.

    The fault: `error` is a kind of `errors.ERRORS`, with `message`, `status` and `retry_after` to change it;
    `body` is sent as it is, with `status` and `content_type`; `redirect` answers 302. On the way of an
    answer: `error_at` puts an error object after that many chunks, `cut_at` closes the connection after that
    many bytes of the body (negative: before the status line), `reset` closes it hard, `stall_at` sends no
    more after that many bytes, `drip` waits that many seconds between writes, `delay` waits before the
    status line. `write` is the number of bytes per write (0: all), `split` the characters per delta.
    """

    text: str = ""
    reasoning: str = ""
    calls: Sequence[Call] = ()
    leak: Literal["", "content", "reasoning"] = ""
    leak_form: Literal["k2", "k3"] = "k2"
    finish: str | None = ""
    reasoning_key: str = ""
    usage: Literal["top", "details", "choice", "none"] = "top"
    choices: list[Any] | Literal["missing"] | None = None
    chunks: Sequence[Any] | None = None
    error: str = ""
    message: str = ""
    status: int = 0
    retry_after: str = ""
    body: str | bytes | None = None
    content_type: str = "application/json"
    redirect: str = ""
    error_at: int = -1
    cut_at: int | None = None
    reset: bool = False
    stall_at: int | None = None
    delay: float = 0.0
    drip: float = 0.0
    write: int = 0
    split: int = 24
    times: int = 1


@dataclass
class Request:
    """One request as it came, and what the endpoint made of it. `turn` is None where it was refused."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    size: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    refused: str = ""
    turn: Turn | None = None


Responder = Callable[[Request], Turn]


def load_script(path: str | Path) -> tuple[list[Turn], dict[str, Any]]:
    """Read a JSON script: a list of turns, or an object with `turns` and the endpoint's options."""
    loaded = json.loads(Path(path).read_text(encoding="utf-8"))
    options: dict[str, Any] = {}
    if isinstance(loaded, dict):
        options = {key: value for key, value in loaded.items() if key != "turns"}
        loaded = loaded["turns"]
    return [_turn(entry) for entry in loaded], options


def _turn(entry: Mapping[str, Any]) -> Turn:
    known = {field.name for field in fields(Turn)}
    if unknown := set(entry) - known:
        raise ValueError(f"A turn has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}.")
    given = dict(entry)
    given["calls"] = tuple(Call(**call) for call in given.get("calls", ()))
    return Turn(**given)
