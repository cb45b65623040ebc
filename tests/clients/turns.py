"""One turn of a client with the server, watched from both sides: on the wire and at the model's endpoint."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.clients.drivers import Client, Setting, environment
from tests.clients.model import DONE, Endpoint, Model

TAP = Path(__file__).with_name("tap.py")

Plan = list[tuple[str, dict[str, Any]]]


@dataclass
class Turn:
    """What was seen. `wire`: `(seconds, who, text)` of the tap; `output`: what the client printed."""

    model: Model
    wire: list[tuple[float, str, str]] = field(default_factory=list)
    output: str = ""
    exit_code: int | None = None
    seconds: float = 0.0

    def messages(self, who: str) -> list[dict[str, Any]]:
        """What one side said, as far as it is JSON."""
        said: list[dict[str, Any]] = []
        for _, speaker, text in self.wire:
            if speaker == who:
                with contextlib.suppress(ValueError):
                    said.append(json.loads(text))
        return said

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The client's messages of one method."""
        return [message for message in self.messages("client") if message.get("method") == method]

    @property
    def hello(self) -> dict[str, Any]:
        """How the client introduces itself: the parameters of its first `initialize` or `server/discover`."""
        for message in self.messages("client"):
            if message.get("method") in ("initialize", "server/discover"):
                return {"method": message["method"], **message.get("params", {})}
        return {}

    def shows(self, text: str) -> bool:
        """Whether the model, or where there is none the client's output, got a text to see."""
        return text in (self.model.texts() if self.model.requests else self.output)

    @property
    def done(self) -> bool:
        """Whether the client carried the whole plan out."""
        return DONE in self.output


def run_turn(
    client: Client,
    binaries: Path,
    node: Path,
    folder: Path,
    plan: Plan,
    *,
    timeout: float = 120,
    interrupt: Callable[[Turn], bool] | None = None,
    serve: tuple[str, ...] = (sys.executable, "-m", "kimi_mcp", "serve", "--toolsets", "default,shell"),
) -> Turn:
    """Give the client a prompt in `folder/root` and let it work until it is done.

    `interrupt`: when it says so, the client gets SIGINT.
    """
    root, home, log = folder / "root", folder / "home", folder / "wire.jsonl"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    log.unlink(missing_ok=True)
    turn = Turn(Model(plan))
    endpoint = Endpoint(turn.model)
    command = [sys.executable, str(TAP), str(log), *serve, "--root", str(root)]
    given = Setting(home, root, binaries, endpoint.url, command, "Carry out the plan.", plan)
    prepared = client.prepare(given)
    started = time.monotonic()
    process = subprocess.Popen(
        prepared.argv,
        cwd=root,
        env=environment(home, node, prepared.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output = folder / "output.txt"
    with output.open("wb") as file:
        reader = _copy(process, file)
        try:
            while process.poll() is None and time.monotonic() - started < timeout:
                if interrupt is not None and log.exists():
                    turn.wire = _read(log)
                    if interrupt(turn):
                        os.killpg(process.pid, signal.SIGINT)
                        interrupt = None
                time.sleep(0.1)
            turn.exit_code = process.poll()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join(5)
            endpoint.close()
    turn.seconds = time.monotonic() - started
    turn.output = output.read_text("utf-8", "replace")
    turn.wire = _read(log)
    return turn


def _copy(process: "subprocess.Popen[bytes]", file: IO[bytes]) -> threading.Thread:
    assert process.stdout is not None
    source = process.stdout

    def copy() -> None:
        with contextlib.suppress(ValueError, OSError):
            while piece := os.read(source.fileno(), 65_536):
                file.write(piece)
                file.flush()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def _read(log: Path) -> list[tuple[float, str, str]]:
    if not log.exists():
        return []
    lines = log.read_text("utf-8").splitlines()
    return [tuple(json.loads(line)) for line in lines if line.endswith("]")]
