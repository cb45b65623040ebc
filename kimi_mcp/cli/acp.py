"""`kimi-mcp acp`: the agent for editors that speak the Agent Client Protocol, over stdin and stdout."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from kimi_mcp.cli import choice, host
from kimi_mcp.config import state_directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    host.add_model(parser)
    host.add_budget(parser)
    choice.add_leave(parser)


def run(options: argparse.Namespace) -> int:
    """Serve one editor until it goes away."""
    wire = os.dup(1)
    os.dup2(2, 1)  # nothing but the protocol reaches the editor
    sys.stdout = sys.stderr

    from acp import run_agent

    from kimi_mcp.acp.face import Face
    from kimi_mcp.acp.session import Ordering
    from kimi_mcp.agent.events import Mode, Protocol
    from kimi_mcp.cli.fix import order
    from kimi_mcp.model.messages import Image
    from kimi_mcp.runs.request import Request

    settings = choice.settings(options)
    budget = host.budget(options)

    def ordered(
        text: str,
        images: tuple[Image, ...],
        root: Path,
        *,
        protocol: Protocol,
        mode: Mode,
        model: str,
        read_only: bool,
    ) -> Request:
        request = order(settings, text, images, root, in_place=True, budget=budget, mode=mode)
        changes = {"protocol": protocol, "read_only": read_only, "model": model or request.model}
        return request.model_copy(update=changes)

    chosen = settings.text("model")
    ordering = Ordering(state_directory(), ordered, lambda: host.key(host.host(settings)), chosen)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=50 * 1024 * 1024)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(wire, "wb", buffering=0)
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        face = Face(ordering)
        try:
            await run_agent(face, writer, reader, use_unstable_protocol=True)
        finally:
            await face.close()

    asyncio.run(serve())
    return 0
