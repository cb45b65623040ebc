"""Sessions on disk: which run each is, so that a session survives its process (acpx resumes in a new one)."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kimi_mcp.agent.events import Mode
from kimi_tools.errors import NotFound

Leave = Literal["ask", "code", "plan"]
"""The session's mode: `ask` and `plan` change nothing, `code` may edit and run."""

Place = Literal["tree", "copy"]
"""Where `/fix` works: in the user's files, or in a private copy whose patch the user reviews."""


class Stored(BaseModel):
    """One session. `runs`: its runs, oldest first; the last one goes on with the next prompt.

    `model`: empty for that of the settings. `note`: what the model is told with the next prompt.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    cwd: Path
    created: float
    title: str = ""
    runs: tuple[str, ...] = ()
    leave: Leave = "code"
    mode: Mode = "thinking"
    place: Place = "tree"
    model: str = ""
    note: str = ""


class Sessions:
    """All sessions of a user, below `<state>/sessions`."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "sessions"

    def new(self, cwd: Path) -> Stored:
        """A session that has not begun."""
        return self.keep(Stored(id=secrets.token_hex(8), cwd=cwd, created=time.time()))

    def keep(self, session: Stored) -> Stored:
        """Write a session as a whole."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{session.id}.json"
        part = path.with_suffix(f".{os.getpid()}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(session.model_dump_json())
        part.replace(path)
        return session

    def find(self, name: str) -> Stored:
        """The session of that id. Raises `NotFound`."""
        if not name.isalnum():
            raise NotFound(f"There is no session '{name[:40]}'.")
        try:
            return Stored.model_validate_json((self._folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            raise NotFound(f"There is no session '{name[:40]}'; begin a new one.") from None

    def remove(self, name: str) -> None:
        """Forget a session; its runs are not touched. Raises `NotFound`."""
        (self._folder / f"{self.find(name).id}.json").unlink(missing_ok=True)

    def every(self, cwd: Path | None = None) -> list[Stored]:
        """The sessions that have begun, newest first; with `cwd`, those of that directory."""
        found: list[Stored] = []
        for path in self._folder.glob("*.json"):
            try:
                session = Stored.model_validate(json.loads(path.read_bytes()))
            except (OSError, ValueError):
                continue
            if session.runs and (cwd is None or session.cwd == cwd):
                found.append(session)
        return sorted(found, key=lambda session: session.created, reverse=True)
