"""`kimi-mcp index [--watch] [--stats]`: the index of definitions and references, from a shell.

Tools build and refresh it by themselves; this builds it ahead of its first use, or shows what is in it.
"""

import argparse
import asyncio
import json
import sys
import time

from kimi_mcp.cli import choice
from kimi_mcp.config import find_root, open_workspace
from kimi_tools.index import Coverage, Index, index_of

_PAUSE_SECONDS = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--watch", action="store_true", help="stay, and read what changes until Ctrl-C")
    parser.add_argument("--stats", action="store_true", help="show the database: its place, size and rows")
    parser.add_argument("--json", action="store_true", help="as JSON")
    choice.add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Build what is missing; progress goes to standard error."""
    settings = choice.settings(options)
    workspace = open_workspace(find_root(settings.text("root")), settings)
    try:
        index = index_of(workspace)
        started = time.monotonic()
        coverage = asyncio.run(_build(index))
        facts: dict[str, str | int | float] = {
            "files": coverage.files,
            "too_large": coverage.too_large,
            "seconds": round(time.monotonic() - started, 3),
        }
        if options.stats:
            facts |= index.statistics()
        print(
            json.dumps(facts)
            if options.json
            else "\n".join(f"{name}: {fact}" for name, fact in facts.items())
        )
        if options.watch:
            asyncio.run(_watch(index))
    finally:
        workspace.close()
    return 0


async def _build(index: Index) -> Coverage:
    while True:
        coverage = await index.complete(_PAUSE_SECONDS)
        _show("" if coverage.complete else coverage.note())
        if coverage.complete:
            return coverage


async def _watch(index: Index) -> None:
    version = index.version
    while True:
        await index.refresh()
        if index.version != version:
            version = index.version
            coverage = await _build(index)
            print(f"{time.strftime('%H:%M:%S')} fresh: {coverage.files} files", flush=True)
        await asyncio.sleep(_PAUSE_SECONDS)


def _show(message: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="", file=sys.stderr, flush=True)
