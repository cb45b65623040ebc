"""What a run was asked to do: everything that a process needs to begin it or to go on with it, but the key."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kimi_mcp.agent.agent import Task
from kimi_mcp.agent.attempts import MOST
from kimi_mcp.agent.events import HELPED, Budget, Mode, Protocol
from kimi_mcp.model.connect import Connection
from kimi_mcp.model.messages import Image
from kimi_tools.usage import Limits


class Request(BaseModel):
    """One run's order. `root`: the user's repository; `host` and `model` as `Connection` takes them.

    `in_place`: work in the user's own tree instead of a private copy. `read_only`: offer only functions that
    change nothing. `no_sandbox`: run commands without protection, by the user's own wish. `readable`: further
    directories that commands may read; `network`: hosts that they may reach; `memory` (bytes) and `tasks`: what
    one may use (`Limits`; None: the default); `allow`: leave given beforehand (`Policy`). `attempts`: how many
    are made at most, within the budget; 0: as many as the mode makes. `rerank`: the model is asked first which of
    the likely places to show it. Holds no secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    issue: str
    images: tuple[Image, ...] = ()
    root: Path
    host: str = "moonshot"
    model: str = ""
    mode: Mode = "thinking"
    protocol: Protocol = "issue"
    budget: Budget = Budget()
    in_place: bool = False
    read_only: bool = False
    no_sandbox: bool = False
    readable: tuple[Path, ...] = ()
    network: tuple[str, ...] = ()
    memory: int | None = None
    tasks: int | None = None
    allow: tuple[str, ...] = ()
    allow_http: bool = False
    window: int = 0
    attempts: int = 0
    rerank: bool = False

    def most_attempts(self) -> int:
        """How many attempts are made at most, the first included; one in the user's own tree, and in talks."""
        if self.in_place or self.protocol != "issue":
            return 1
        return self.attempts or (MOST if self.mode in HELPED else 1)

    def limits(self) -> Limits:
        """What one command may use."""
        default = Limits.default()
        return Limits(
            default.memory if self.memory is None else self.memory,
            default.tasks if self.tasks is None else self.tasks,
        )

    def task(self, repository: str) -> Task:
        """The agent's task, with what it is told about the repository."""
        return Task(self.issue, self.images, repository, self.mode, self.protocol, self.budget)

    def connection(self, session: str) -> Connection:
        """How the model is reached, without the key. `session` names the host's prefix cache."""
        return Connection(
            host=self.host,
            model=self.model,
            thinking=self.mode != "instant",
            window=self.window,
            session=session,
            allow_http=self.allow_http,
        )
