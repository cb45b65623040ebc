"""`uv run python -m tests.bench.load`: many calls over stdio; no error, no lost edit, flat memory.

Eight clients with a server each make 1,000 mixed calls each on one repository; then one client keeps 50 calls
under way. Every client appends its own numbered lines to one file that all share, with the hash guard, and tries
again on a conflict: at the end every line must be there once.
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import git, write_files
from tests.stdio_client import StdioClient, called

SHARED = "shared.txt"


@dataclass
class Report:
    """What one client saw. Seconds by tool; memory in MB after a tenth of the calls and at the end."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    edits: int = 0
    conflicts: int = 0
    early: float = 0
    late: float = 0


def memory(client: StdioClient) -> float:
    """Resident megabytes of a server."""
    status = Path(f"/proc/{client.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def mixed(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """One call of those that change nothing."""
    path = f"src/m{chance.randrange(40)}.py"
    return chance.choice(
        [
            ("read_file", {"path": path}),
            ("read_file", {"path": path, "start": chance.randrange(1, 50), "count": 5}),
            ("search_text", {"pattern": f"function_{chance.randrange(40)}"}),
            ("find_files", {"query": "*.py"}),
            ("git_status", {}),
            ("git_log", {"path": path}),
        ]
    )


def append(client: StdioClient, line: str, report: Report) -> None:
    """Add a line to the shared file; again until nobody else came in between."""
    while True:
        started = time.perf_counter()
        done = client.call("edit_file", path=SHARED, old="# end", new=f"{line}\n# end")
        report.seconds.setdefault("edit_file", []).append(time.perf_counter() - started)
        if not done.is_error:
            report.edits += 1
            return
        if "changed" not in done.text:
            report.errors.append(done.text)
            return
        report.conflicts += 1


def work(root: Path, number: int, calls: int, report: Report) -> None:
    """One client with a server of its own."""
    chance = random.Random(number)
    state = {"KIMI_MCP_STATE": str(root.parent / "state")}
    with StdioClient(root, "--toolsets", "all", environment=state) as client:
        client.initialize()
        for turn in range(calls):
            if turn == calls // 10:
                report.early = memory(client)
            if turn % 10 == 0:
                append(client, f"client {number} line {turn}", report)
                continue
            name, arguments = mixed(chance)
            started = time.perf_counter()
            done = client.call(name, **arguments)
            report.seconds.setdefault(name, []).append(time.perf_counter() - started)
            if done.is_error:
                report.errors.append(f"{name}: {done.text}")
        report.late = memory(client)


def at_once(root: Path, calls: int, under_way: int, report: Report) -> None:
    """One client that keeps many calls under way."""
    chance = random.Random(99)
    with StdioClient(
        root, "--toolsets", "all", environment={"KIMI_MCP_STATE": str(root.parent / "state")}
    ) as client:
        client.initialize()
        running: list[tuple[str, Any, float]] = []
        for turn in range(calls):
            name, arguments = mixed(chance)
            request = client.start_request("tools/call", {"name": name, "arguments": arguments})
            running.append((name, request, time.perf_counter()))
            if turn == calls // 10:
                report.early = memory(client)
            while len(running) >= (under_way if turn < calls - 1 else 1):
                name, request, started = running.pop(0)
                done = called(client.answer(request, 120))
                report.seconds.setdefault(name, []).append(time.perf_counter() - started)
                if done.is_error:
                    report.errors.append(f"{name}: {done.text}")
        report.late = memory(client)


def show(title: str, reports: list[Report], wall: float) -> None:
    """Print one part's figures."""
    taken = sorted(second for report in reports for times in report.seconds.values() for second in times)
    print(
        f"{title}: {len(taken)} calls in {wall:.0f} s, {sum(len(report.errors) for report in reports)} errors"
    )
    print(
        f"  median {1000 * statistics.median(taken):.0f} ms, p99 {1000 * taken[int(len(taken) * 0.99)]:.0f} ms"
    )
    for name in sorted({name for report in reports for name in report.seconds}):
        times = sorted(second for report in reports for second in report.seconds.get(name, ()))
        print(f"    {name:12} {len(times):5}  p99 {1000 * times[int(len(times) * 0.99)]:6.0f} ms")
    print("  memory MB, after a tenth of the calls and at the end:")
    print("   ", ", ".join(f"{report.early:.0f} -> {report.late:.0f}" for report in reports))
    for report in reports:
        for error in report.errors[:3]:
            print("  error:", error[:200])


def main() -> None:
    """Run both parts and check that no edit is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--under-way", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        root.mkdir()
        body = "\n".join(f"def function_{line}():\n    return {line}\n" for line in range(40))
        write_files(root, {SHARED: "# end\n", **{f"src/m{number}.py": body for number in range(40)}})
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "Start")
        reports = [Report() for _ in range(options.clients)]
        threads = [
            threading.Thread(target=work, args=(root, number, options.calls, report))
            for number, report in enumerate(reports)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        show(f"{options.clients} clients", reports, time.monotonic() - started)
        lines = (root / SHARED).read_text().splitlines()[:-1]
        made = sum(report.edits for report in reports)
        print(
            f"  edits made {made}, lines kept {len(set(lines))}, doubled {len(lines) - len(set(lines))}, "
            f"conflicts tried again {sum(report.conflicts for report in reports)}"
        )
        one = Report()
        started = time.monotonic()
        at_once(root, options.calls, options.under_way, one)
        show(f"1 client, {options.under_way} calls under way", [one], time.monotonic() - started)


if __name__ == "__main__":
    main()
