"""`kimi-mcp acp`: the agent for editors that speak the Agent Client Protocol, over stdin and stdout.

What is imported here delays the first answer; the SDK and the agent are imported behind it.
"""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from kimi_mcp.acp.greeting import Greeting
from kimi_mcp.cli import choice, host
from kimi_mcp.config import Settings, state_directory
from kimi_mcp.stdio import wire

if TYPE_CHECKING:
    from pathlib import Path

    from kimi_mcp.acp.session import Ordering
    from kimi_mcp.agent.events import Mode, Protocol
    from kimi_mcp.model.messages import Image
    from kimi_mcp.runs.request import Request

PIPES = wire.claim()
"""Claimed while the command is imported: nothing but the protocol reaches the editor."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    host.add_model(parser)
    host.add_rerank(parser)
    host.add_budget(parser)
    choice.add_leave(parser)


def run(options: argparse.Namespace) -> int:
    """Serve one editor until it goes away; does not return."""
    settings = choice.settings(options)
    if os.isatty(PIPES[0]):
        print("kimi-mcp: waiting for an editor on standard input; Ctrl-D ends it.", file=sys.stderr)
    greeting = Greeting(PIPES)
    if greeting.meet():
        _serve(greeting, settings, options)
    sys.stderr.flush()
    os._exit(0)  # whatever a thread still waits for


def _serve(greeting: Greeting, settings: Settings, options: argparse.Namespace) -> None:
    import asyncio

    from kimi_mcp.acp.face import Face
    from kimi_mcp.acp.serving import serve
    from kimi_tools.process import kill_all

    try:
        asyncio.run(serve(Face(_ordering(settings, options)), greeting))
    finally:
        kill_all()


def _ordering(settings: Settings, options: argparse.Namespace) -> "Ordering":
    from kimi_mcp.acp.session import Ordering

    def order(
        text: str,
        images: "tuple[Image, ...]",
        root: "Path",
        *,
        protocol: "Protocol",
        mode: "Mode",
        model: str,
        read_only: bool,
    ) -> "Request":
        from kimi_mcp.cli import fix

        request = fix.order(
            settings, text, images, root, in_place=True, budget=host.budget(options), mode=mode
        )
        changes = {"protocol": protocol, "read_only": read_only, "model": model or request.model}
        return request.model_copy(update=changes)

    return Ordering(state_directory(), order, lambda: host.key(host.host(settings)), settings.text("model"))
