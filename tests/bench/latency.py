"""`uv run python -m tests.bench.latency [REPOSITORY]`: tools beside raw `rg` and `git` on the same repository.

Each pair runs by turns in the same run, so that the load of the machine meets both; what counts is the ratio of
the medians. `cpu` is the ratio of the processor time of everything started (ours counts this process too).
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimi_tools.catalog import TOOLS
from kimi_tools.policy import Policy
from kimi_tools.ripgrep import binary
from kimi_tools.workspace import Workspace

RG = binary()


@dataclass(frozen=True)
class Pair:
    """One task: a tool's call, and the command that a person would type for it."""

    tool: str
    arguments: dict[str, Any]
    raw: list[str]


def pairs(root: Path, word: str, rare: str, path: str) -> list[Pair]:
    """The tasks, with words and a file of the repository."""
    rg = [RG, "--no-config", "-n", "--hidden", "-g", "!.git"]
    return [
        Pair("search_text", {"pattern": rare}, [*rg, rare]),
        Pair("search_text", {"pattern": word}, [*rg, word]),
        Pair("search_text", {"pattern": "zqxjkvb-absent"}, [*rg, "zqxjkvb-absent"]),
        Pair("search_text", {"pattern": word, "path": path}, [*rg, word, path]),
        Pair("find_files", {"query": Path(path).name}, [RG, "--files"]),
        Pair("find_files", {"query": "**/test_*.py"}, [RG, "--files", "-g", "**/test_*.py"]),
        Pair("git_status", {}, ["git", "status"]),
        Pair("git_diff", {}, ["git", "diff", "HEAD"]),
        Pair("git_log", {}, ["git", "log", "-n", "20", "--format=%H %an %aI %s"]),
        Pair(
            "git_log",
            {"path": path},
            ["git", "log", "-n", "20", "--follow", "--format=%H %an %aI %s", "--", path],
        ),
        Pair("git_show", {}, ["git", "show", "--stat", "--patch"]),
        Pair("git_show", {"path": path}, ["git", "show", f"HEAD:{path}"]),
        Pair("git_blame", {"path": path}, ["git", "blame", "-L1,100", "--", path]),
        Pair("git_branch", {}, ["git", "branch", "-v"]),
        Pair("run_command", {"command": "true"}, ["/bin/sh", "-c", "true"]),
    ]


def processor_seconds() -> float:
    """Of this process and of every child that has ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


async def measure(workspace: Workspace, pair: Pair, rounds: int) -> tuple[float, float, float, float]:
    """Median milliseconds and mean processor milliseconds, of the tool and of the raw command."""
    tool = next(tool for tool in TOOLS if tool.name == pair.tool)
    ours: list[float] = []
    raw: list[float] = []
    used = [0.0, 0.0]
    for number in range(rounds + 1):
        before = processor_seconds()
        started = time.perf_counter()
        await tool(workspace, pair.arguments)
        middle = time.perf_counter()
        between = processor_seconds()
        subprocess.run(pair.raw, cwd=workspace.root, capture_output=True, stdin=subprocess.DEVNULL)
        ended = time.perf_counter()
        if number:  # the first round warms the caches
            ours.append((middle - started) * 1000)
            raw.append((ended - middle) * 1000)
            used[0] += between - before
            used[1] += processor_seconds() - between
    return statistics.median(ours), statistics.median(raw), used[0] / rounds * 1000, used[1] / rounds * 1000


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="?", default=".", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--word", default="def ")
    parser.add_argument("--rare", default="class Workspace")
    parser.add_argument("--path", default="README.md")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as state:
        workspace = Workspace(options.repository, state=state, policy=Policy())
        for pair in pairs(workspace.root, options.word, options.rare, options.path):
            ours, raw, cpu, raw_cpu = await measure(workspace, pair, options.rounds)
            what = f"{pair.tool} {json.dumps(pair.arguments)}"
            rows.append(
                {"what": what, "ms": ours, "raw_ms": raw, "ratio": ours / raw, "cpu": cpu / max(raw_cpu, 0.1)}
            )
            if not options.json:
                print(
                    f"{what:70.70} {ours:8.1f} ms  raw {raw:8.1f} ms  x{ours / raw:5.2f}  cpu x{rows[-1]['cpu']:5.2f}"
                )
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
