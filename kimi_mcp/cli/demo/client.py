"""As much of an MCP client as our own commands need: it starts a server, the real one of its own accord, and calls
its tools."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

VERSION = "2025-11-25"


class Client:
    """A client of a server on one repository, for a `with` block.

    `command`: the server, `kimi-mcp serve` on the root unless given; `environment`: its whole environment. `seconds`:
    how long one answer may take before the server is ended (0: for ever).
    """

    def __init__(
        self,
        root: Path,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        seconds: float = 0.0,
    ) -> None:
        self._seconds = seconds
        self._ids = 0
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            list(command or (sys.executable, "-m", "kimi_mcp", "serve", "--root", str(root))),
            cwd=root if command else None,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.first_response = 0.0
        """Seconds from the server's start to its first answer."""

    def __enter__(self) -> Self:
        params = {
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": "kimi-mcp", "version": "1"},
        }
        self.ask("initialize", params)
        self.first_response = time.monotonic() - self._began
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def tools(self) -> list[str]:
        """The names of the server's tools."""
        return [tool["name"] for tool in self.ask("tools/list", {})["tools"]]

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """A tool's text."""
        return self.called(name, arguments)[0]

    def called(self, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        """A tool's text, and whether it is an error."""
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        return "\n".join(str(part.get("text", "")) for part in result["content"]), bool(result.get("isError"))

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of one request. Raises `RuntimeError` when the server ended, refused it or took too long."""
        if not self._seconds:
            return self._ask(method, params)
        watchdog = threading.Timer(self._seconds, self._process.kill)
        watchdog.start()
        try:
            return self._ask(method, params)
        finally:
            watchdog.cancel()

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._ids += 1
        self._send({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith(b"{"):
                continue
            message = json.loads(line)
            if message.get("id") == self._ids and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"The server refused {method}: {message['error'].get('message')}")
                return message["result"]
        raise RuntimeError("The server ended.")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise RuntimeError("The server ended.") from None
