"""`uv run python -m tests.bench.search REPOSITORY [--large]`: `search_text` over stdio beside raw ripgrep, by turns.

Ripgrep gets the same pattern and prints all hits; what counts is the ratio of the medians in one run. The words are
Django's. `first` is the first call of a session, made right after the handshake and again after a pause, each in a
new session with empty caches. `--large` multiplies the repository's Python files to more than 50,000.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from kimi_tools.ripgrep import binary
from tests.bench.index import multiply
from tests.bench.processes import cpu_seconds, memory_mb
from tests.stdio_client import StdioClient

RG = (binary(), "--no-config", "-n", "--hidden", "-g", "!.git")

ROWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "rare word": ({"pattern": "make_hashable"}, ["-S", "make_hashable"]),
    "rare word, case sensitive": ({"pattern": "make_hashable", "case": "sensitive"}, ["make_hashable"]),
    "rare word, case ignored": (
        {"pattern": "MAKE_HASHABLE", "case": "insensitive"},
        ["-i", "MAKE_HASHABLE"],
    ),
    "nowhere": ({"pattern": "zqxjkvb-absent"}, ["-S", "zqxjkvb-absent"]),
    "common word": ({"pattern": "self.assertEqual"}, ["-S", "self.assertEqual"]),
    "regex with a literal": ({"pattern": r"def make_hash\w+\("}, ["-S", r"def make_hash\w+\("]),
    "regex without one": ({"pattern": r"[a-z]\d{4}[a-z]"}, ["-S", r"[a-z]\d{4}[a-z]"]),
    "several lines": (
        {"pattern": r"def make_hashable\(value\):\n", "multiline": True},
        ["-U", r"def make_hashable\(value\):\n"],
    ),
    "rare word, globs": (
        {"pattern": "make_hashable", "globs": ["*.py"]},
        ["-S", "-g", "*.py", "make_hashable"],
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.repository.resolve()
        if options.large:
            root = multiply(root, Path(folder, "large"))
        for pause in (0.0, 3.0):
            print(f"first call {pause:.0f} s after the handshake: {first(root, pause):.0f} ms", flush=True)
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        measure(root, options.rounds)


def first(root: Path, pause: float) -> float:
    """Milliseconds of the first call of a new session with empty caches."""
    with (
        tempfile.TemporaryDirectory() as cache,
        StdioClient(root, "--toolsets", "all", environment={"XDG_CACHE_HOME": cache}) as client,
    ):
        client.initialize()
        time.sleep(pause)
        started = time.perf_counter()
        client.call("search_text", pattern="make_hashable")
        return 1000 * (time.perf_counter() - started)


def measure(root: Path, rounds: int) -> None:
    """All rows, once the signatures are there."""
    with StdioClient(root, "--toolsets", "all") as client:
        client.initialize()
        began, used = time.monotonic(), cpu_seconds(client.process.pid)
        client.call("search_text", pattern="make_hashable")
        before = -1.0
        while (now := cpu_seconds(client.process.pid)) > before + 0.02:
            before = now
            time.sleep(1.0)
        print(f"signatures: {now - used:.1f} s of processor, {time.monotonic() - began:.0f} s", flush=True)
        for name, (arguments, raw) in ROWS.items():
            ours: list[float] = []
            theirs: list[float] = []
            for number in range(rounds + 1):
                started = time.perf_counter()
                text = client.call("search_text", 300, **arguments).text
                between = time.perf_counter()
                subprocess.run([*RG, *raw, "."], cwd=root, capture_output=True, stdin=subprocess.DEVNULL)
                if number:
                    ours.append(1000 * (between - started))
                    theirs.append(1000 * (time.perf_counter() - between))
            print(
                f"{name:<26} {statistics.median(ours):7.1f} ms, p95 {p95(ours):7.1f}; "
                f"rg {statistics.median(theirs):7.1f}, p95 {p95(theirs):7.1f}; "
                f"{statistics.median(ours) / statistics.median(theirs):.2f} times rg; {text.splitlines()[0][:40]}",
                flush=True,
            )
        print(f"memory of the server: {memory_mb(client.process.pid):.0f} MB")


def p95(times: list[float]) -> float:
    """The time that 95 of 100 do not exceed."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


if __name__ == "__main__":
    main()
