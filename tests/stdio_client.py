"""A small real MCP client: starts `kimi-mcp serve` and speaks JSON-RPC lines with it.

::

    with StdioClient(root) as client:
        client.initialize()
        assert client.call("read_file", path="a.py").text.startswith("a.py lines 1-")

The server's state goes next to the root, never into the user's own.
"""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

COMMAND = (sys.executable, "-m", "kimi_mcp", "serve")

ENVELOPE: dict[str, Any] = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
"""What a request of revision 2026-07-28 carries instead of a handshake."""


@dataclass(frozen=True)
class Called:
    """What came back from a tool: its text, whether it is an error, and the whole result."""

    text: str
    is_error: bool
    result: dict[str, Any]


class StdioClient:
    """One server process. `arguments` follow `serve`; `environment` is added to ours.

    `root`: the server's `--root` when `pinned`, else only its current directory.
    """

    def __init__(
        self,
        root: Path,
        *arguments: str,
        pinned: bool = True,
        environment: dict[str, str] | None = None,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *(("--root", str(root)) if pinned else ()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=root,
            env={**os.environ, **server_environment(root), **(environment or {})},
        )
        self.messages: list[dict[str, Any]] = []
        """What came and answers no request of ours: notifications, requests, errors without id."""
        self.raw: list[bytes] = []
        """Every line as it came."""
        self._answers: dict[Any, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._closed = False
        self._ids = itertools.count(1)
        self._errors: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            with self._arrived:
                self.raw.append(line)
                if "method" not in message and message.get("id") is not None:
                    self._answers[message["id"]] = message
                else:
                    self.messages.append(message)
                self._arrived.notify_all()
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.put(line)

    @property
    def standard_error(self) -> str:
        """What the server has printed to standard error since this was last asked."""
        lines: list[bytes] = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._errors.get_nowait())
        return b"".join(lines).decode("utf-8", "replace")

    def send_bytes(self, data: bytes) -> None:
        """Write exactly these bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        """Write one message, whatever it is."""
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    def start_request(self, method: str, params: dict[str, Any] | None = None, id: Any = None) -> Any:
        """Send a request without waiting; its id is for `answer`."""
        id = next(self._ids) if id is None else id
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return id

    def wait_for(self, found: Any, timeout: float, what: str) -> Any:
        """Wait until `found()` gives something other than None."""
        with self._arrived:
            while (result := found()) is None:
                assert not self._closed, f"the server ended before {what}: {self.standard_error}"
                timeout_left = timeout - 0.05
                assert timeout_left > 0, f"no {what} in time: {self.standard_error}"
                started = time.monotonic()
                self._arrived.wait(timeout_left)
                timeout -= time.monotonic() - started
            return result

    def answer(self, id: Any, timeout: float = 60) -> dict[str, Any]:
        """The whole response to a request, an error or a result."""
        return self.wait_for(lambda: self._answers.pop(id, None), timeout, f"answer to {id!r}")

    def request(
        self, method: str, params: dict[str, Any] | None = None, timeout: float = 60
    ) -> dict[str, Any]:
        """Send a request and wait for its whole response."""
        return self.answer(self.start_request(method, params), timeout)

    def message(self, method: str, timeout: float = 60) -> dict[str, Any]:
        """The next notification or request of the server with this method."""

        def find() -> dict[str, Any] | None:
            for index, message in enumerate(self.messages):
                if message.get("method") == method:
                    return self.messages.pop(index)
            return None

        return self.wait_for(find, timeout, method)

    def initialize(
        self, version: str = "2025-11-25", capabilities: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Shake hands; returns the result of `initialize`."""
        client = {"name": "tests", "version": "1"}
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": client}
        result = self.request("initialize", params)["result"]
        self.notify("notifications/initialized")
        return result

    def list_tools(self) -> list[dict[str, Any]]:
        """The tools that the server offers."""
        return self.request("tools/list")["result"]["tools"]

    def call(self, name: str, /, timeout: float = 60, **arguments: Any) -> Called:
        """Call a tool and wait for its result; a JSON-RPC error fails the test."""
        response = self.request("tools/call", {"name": name, "arguments": arguments}, timeout)
        assert "result" in response, response
        return called(response)

    def close(self, timeout: float = 5) -> int:
        """Close the server's standard input and wait for its end; returns its exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def called(response: dict[str, Any]) -> Called:
    """The text of a `tools/call` response."""
    result = response["result"]
    text = "\n".join(part["text"] for part in result["content"])
    return Called(text, bool(result.get("isError")), result)


def server_environment(root: Path) -> dict[str, str]:
    """Settings and state of a server away from the user's own; compiled modules shared by all test servers."""
    private = root.parent / f"{root.name}.private"
    return {
        "KIMI_MCP_STATE": str(private / "state"),
        "KIMI_MCP_CONFIG": str(private / "config.toml"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), f"kimi-mcp-tests-{os.getuid()}")),
    }
