"""`uv run python -m tests.bench.sandbox`: what confinement adds to the start of a command, median milliseconds.

The levels take turns in one run, so that the load of the machine meets all of them.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from kimi_tools.sandbox import UNPROTECTED, Sandbox
from kimi_tools.sandbox.choice import candidates, try_out
from kimi_tools.workspace import Workspace


async def once(workspace: Workspace) -> float:
    """Milliseconds of a command that does nothing."""
    started = time.perf_counter()
    await workspace.run(["/bin/true"], timeout=30)
    return 1000 * (time.perf_counter() - started)


async def measure(root: Path, rounds: int) -> dict[str, list[float]]:
    """Times by level."""
    levels: list[Sandbox] = [UNPROTECTED, *(box for box in candidates() if try_out(box) is None)]
    with tempfile.TemporaryDirectory() as state:
        places = [Workspace(root, state=state, sandbox=box) for box in levels]
        times: dict[str, list[float]] = {box.level: [] for box in levels}
        for _ in range(rounds):
            for place in places:
                times[place.sandbox.level].append(await once(place))
    return times


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    times = asyncio.run(measure(options.root.absolute(), options.rounds))
    plain = statistics.median(times["none"])
    for level, taken in times.items():
        middle = statistics.median(taken)
        print(f"{level:32} median {middle:7.1f}  added {middle - plain:7.1f}  worst {max(taken):7.1f}")


if __name__ == "__main__":
    main()
