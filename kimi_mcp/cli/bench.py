"""`kimi-mcp bench`: how long the reading tools take on a repository, beside ripgrep and universal-ctags.

Tool and program run by turns in one run, so that the load of the machine meets both; what counts is the ratio
of the medians. Nothing is written to the repository. Tools are called in this process, without a client.
"""

import argparse
import asyncio
import html
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kimi_mcp.cli import choice
from kimi_mcp.config import find_root, open_workspace
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import NotFound
from kimi_tools.index import Index, index_of
from kimi_tools.ripgrep import binary
from kimi_tools.workspace import Workspace

_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One task: median milliseconds of our tool and of the program (0: there is none), the ratio of both."""

    task: str
    tool_ms: float
    program: str
    program_ms: float

    @property
    def ratio(self) -> str:
        """The program's time over ours."""
        return f"{self.program_ms / self.tool_ms:.1f} x" if self.program else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--rounds", type=int, default=11, help="turns of each task (default: 11)")
    parser.add_argument("--html", metavar="FILE", help="also write a page with a plot")
    parser.add_argument("--json", action="store_true", help="as JSON")
    choice.add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    settings = choice.settings(options)
    workspace = open_workspace(find_root(settings.text("root")), settings)
    try:
        rows = asyncio.run(_measure(workspace, max(options.rounds, 1)))
    finally:
        workspace.close()
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors" if _has_load() else ""
    if options.html:
        Path(options.html).write_text(_page(rows, load), encoding="utf-8")
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "load": load}))
        return 0
    print(_table(rows))
    print("Medians of one run, tool and program by turns. " + load)
    return 0


def _has_load() -> bool:
    return hasattr(os, "getloadavg")


async def _measure(workspace: Workspace, rounds: int) -> list[Row]:
    index = index_of(workspace)
    if not (await index.complete(_SECONDS)).complete:
        raise NotFound("The index is still being built; run 'kimi-mcp index' first.")
    path, symbol = _sample(index)
    rg = [binary(), "--no-config", "-n", "--hidden", "-g", "!.git"]
    ctags = shutil.which("ctags")
    outline = [ctags, "-f", "-", "--", path] if ctags else []
    tasks: list[tuple[str, dict[str, Any], str, list[str]]] = [
        ("search_text", {"pattern": symbol}, "rg", [*rg, "-F", "-e", symbol, "."]),
        ("search_text", {"pattern": "zqxjkvb-absent"}, "rg", [*rg, "-F", "-e", "zqxjkvb-absent", "."]),
        ("find_files", {"query": Path(path).name}, "rg --files", [binary(), "--no-config", "--files"]),
        ("find_symbol", {"name": symbol}, "rg -w", [*rg, "-wF", "-e", symbol, "."]),
        ("find_references", {"name": symbol}, "rg -w", [*rg, "-wF", "-e", symbol, "."]),
        ("outline", {"path": path}, "ctags" if ctags else "", outline),
        ("read_file", {"path": path, "count": 60}, "", []),
    ]
    return [await _row(workspace, rounds, *task) for task in tasks]


def _sample(index: Index) -> tuple[str, str]:
    """A file and a symbol of the repository: the first file with most definitions, and its longest name."""
    best = max(index.files()[:300], key=lambda path: len(index.outline(path) or []), default="")
    names = [definition.name for definition in index.outline(best) or []] if best else []
    if not names:
        raise NotFound("No code was found here; name a repository with --root.")
    return best, max(names, key=lambda name: (len(name), name))


async def _row(
    workspace: Workspace,
    rounds: int,
    name: str,
    arguments: dict[str, Any],
    program: str,
    command: Sequence[str],
) -> Row:
    tool = next(tool for tool in TOOLS if tool.name == name)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds + 1):  # the first turn warms both
        started = time.perf_counter()
        await tool(workspace, arguments)
        between = time.perf_counter()
        if command:
            await asyncio.to_thread(_run_program, command, workspace.root)
        theirs.append(1000 * (time.perf_counter() - between))
        ours.append(1000 * (between - started))
    task = f"{name} {next(iter(arguments.values()))}"
    program_ms = statistics.median(theirs[1:]) if command else 0.0
    return Row(task[:60], statistics.median(ours[1:]), program if command else "", program_ms)


def _run_program(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _table(rows: Sequence[Row]) -> str:
    width = max(len(row.task) for row in rows)
    lines = [f"{'task':<{width}}  {'ours':>9}  {'program':<10}  {'its time':>9}  ratio"]
    for row in rows:
        theirs = f"{row.program_ms:.1f} ms" if row.program else "-"
        lines.append(
            f"{row.task:<{width}}  {row.tool_ms:>6.1f} ms  {row.program or '-':<10}  {theirs:>9}  {row.ratio}"
        )
    return "\n".join(lines)


def _page(rows: Sequence[Row], load: str) -> str:
    most = max(max(row.tool_ms, row.program_ms) for row in rows)
    bars: list[str] = []
    for place, row in enumerate(rows):
        top = 24 + place * 52
        bars.append(f'<text x="8" y="{top}">{html.escape(row.task)}</text>')
        for step, (label, value, colour) in enumerate(
            [("kimi-mcp", row.tool_ms, "#2563eb"), (row.program, row.program_ms, "#9ca3af")]
        ):
            if label:
                y, width = top + 5 + step * 14, max(1.0, 560 * value / most)
                bars.append(f'<rect x="8" y="{y}" width="{width:.1f}" height="12" fill="{colour}"/>')
                bars.append(
                    f'<text x="{width + 14:.1f}" y="{y + 10}" class="value">{html.escape(label)} {value:.1f} ms</text>'
                )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>kimi-mcp bench</title>'
        "<style>body{font:15px system-ui;margin:2rem}svg text{font:13px system-ui}.value{font-size:11px}</style>"
        f"<h1>kimi-mcp bench</h1><p>Medians of one run, tool and program by turns. {html.escape(load)}</p>"
        f'<svg width="800" height="{len(rows) * 52 + 20}" role="img" aria-label="times">{"".join(bars)}</svg>'
        f"<pre>{html.escape(_table(rows))}</pre></html>\n"
    )
