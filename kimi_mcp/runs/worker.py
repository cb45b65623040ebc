"""The process of a run: work on it until it ends; the key is the first line of the input.

SIGTERM and SIGINT end the run with its best patch; a second one ends the process.
"""

import asyncio
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from kimi_mcp.agent.watch import Inbox
from kimi_mcp.runs.folder import RunFolder
from kimi_mcp.runs.work import connecting, work


async def main(folder: RunFolder, key: str) -> None:
    """Work until the run ends."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        inbox.stop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async for _ in work(folder, connecting(folder, SecretStr(key) if key else None), inbox):
        pass


def run(folder: str) -> None:
    """Work on the run in a folder."""
    asyncio.run(main(RunFolder(Path(folder)), sys.stdin.readline().strip()))
