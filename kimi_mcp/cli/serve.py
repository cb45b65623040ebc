"""`kimi-mcp serve`: the tools for an MCP client, over stdin and stdout.

What is imported here delays the first answer; the tools and the SDK are imported in `start`, later.
"""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kimi_mcp.cli import choice
from kimi_mcp.config import Settings, find_root, open_workspace, state_directory
from kimi_mcp.server.front import Front
from kimi_mcp.server.selection import Selection
from kimi_mcp.stdio import wire

if TYPE_CHECKING:
    from kimi_mcp.server.engine import SdkEngine

PIPES = wire.claim()
"""Claimed while the command is imported: before anything is parsed, printed or started."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    choice.add_root(parser)
    choice.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until the client leaves; does not return."""
    settings = choice.settings(options)
    chosen = choice.selection(settings)

    def start(emit: Callable[[str, dict[str, Any]], None]) -> "SdkEngine":
        return _start(settings, chosen, emit)

    if os.isatty(PIPES[0]):
        print("kimi-mcp: waiting for an MCP client on standard input; Ctrl-D ends it.", file=sys.stderr)
    Front(PIPES, chosen, start).serve()
    return 0


def _start(settings: Settings, chosen: Selection, emit: Callable[[str, dict[str, Any]], None]) -> "SdkEngine":
    """Import the tools and the SDK, and make the engine; in the engine's thread.

    Nothing of what is imported is ever garbage: looking for it would take a fifteenth of the time.
    """
    import gc
    from functools import partial
    from importlib.metadata import version

    gc.disable()
    from kimi_mcp.cli import offered
    from kimi_mcp.server.calls import Places
    from kimi_mcp.server.engine import SdkEngine, make_server

    _log_to_file()
    named = settings.text("root")
    if named.startswith("${"):  # an editor without an open folder leaves its variable as it stands
        named = ""
    places = Places(partial(open_workspace, settings=settings), find_root(named), pinned=bool(named))
    tools, left_out = offered.selected(chosen, settings), offered.left_out(chosen, settings)
    engine = SdkEngine(make_server(tools, places, version("kimi-mcp"), left_out), emit)
    gc.freeze()
    gc.enable()
    return engine


def _log_to_file() -> None:
    """Bugs, with their tracebacks, go to `log/server.log` in the state directory, for its owner only."""
    import logging
    from logging.handlers import RotatingFileHandler

    folder = state_directory() / "log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "server.log"
        path.touch(mode=0o600)
        handler = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=1, delay=True)
    except OSError:
        return
    from kimi_tools import redact

    class Masked(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return redact.mask(super().format(record))

    handler.setFormatter(Masked("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
