"""The first answer to an editor, given before anything heavy is imported: what we speak and can.

Editors give up on an agent that is silent; importing the SDK alone takes longer than some wait. So `initialize`
is answered here, from `initialize.json`, which `python -m tests.update_snapshots` writes from the SDK's models.
What is not plainly an `initialize` is kept for the SDK.

Standard library only.
"""

import json
import os
from typing import Any

from kimi_mcp.stdio.wire import Lines, Refused, Writer, decode

FILE = os.path.join(os.path.dirname(__file__), "initialize.json")

LONGEST = 50 * 1024 * 1024
"""Bytes of one message: a prompt holds pictures."""


class Greeting:
    """The beginning of a conversation, up to the first message that needs the SDK."""

    def __init__(self, pipes: tuple[int, int]) -> None:
        self.input = pipes[0]
        self.writer = Writer(pipes[1])
        self.lines = Lines(LONGEST)
        self.early: list[bytes | None] = []
        """Lines that came behind the greeting, still to be taken."""
        self.client: dict[str, Any] | None = None
        """The parameters of the `initialize` that was answered."""

    def meet(self) -> bool:
        """Answer `initialize`; return when it is answered or something else came. False: the client has left."""
        while self.client is None and not self.early:
            try:
                piece = os.read(self.input, 65_536)
            except OSError:
                return False
            if not piece:
                return False
            for line in self.lines.add(piece):
                if self.client is not None or self.early or not self._answered(line):
                    self.early.append(line)
        return True

    def _answered(self, line: bytes | None) -> bool:
        if line is not None and not line.strip():
            return True
        try:
            message = decode(line, LONGEST)
        except Refused:
            return False
        params = message.get("params", {})
        if message.get("method") != "initialize" or "id" not in message or not _plain(params):
            return False
        with open(FILE, encoding="utf-8") as file:
            self.writer.send({"jsonrpc": "2.0", "id": message["id"], "result": json.load(file)})
        self.client = params
        return True


def _plain(params: dict[str, Any]) -> bool:
    version, can = params.get("protocolVersion"), params.get("clientCapabilities", {})
    return isinstance(version, int) and not isinstance(version, bool) and isinstance(can, dict)
