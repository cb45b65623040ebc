"""As much of an MCP client as the demonstration needs: it starts the real server and calls its tools."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

VERSION = "2025-11-25"


class Client:
    """A client of `kimi-mcp serve` on one repository, for a `with` block."""

    def __init__(self, root: Path) -> None:
        self._ids = 0
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kimi_mcp", "serve", "--root", str(root)],
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
            "clientInfo": {"name": "kimi-mcp demo", "version": "1"},
        }
        self.ask("initialize", params)
        self.first_response = time.monotonic() - self._began
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
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
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        return str(result["content"][0]["text"])

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of one request. Raises `RuntimeError` when the server ended or refused it."""
        self._ids += 1
        self._send({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._ids and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"The server refused {method}: {message['error'].get('message')}")
                return message["result"]
        raise RuntimeError("The server ended.")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
