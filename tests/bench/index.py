"""`uv run python -m tests.bench.index REPOSITORY [--large]`: the index beside what it cannot be faster than.

Everything runs in one process after another on the same machine, so that ratios hold whatever the load. CPU is
user and system time of the process with its children.

- `parse`: one process that only parses every file with tree-sitter: the floor for any index made of trees.
- `ctags`: `ctags -R`, definitions only, where universal-ctags is installed.
- `cold`: an empty cache to a complete index; `usable`: to the first whole answer about a symbol.
- `ready`: a new process on an unchanged repository, to its first answer; `changed`: one file written, to the
  answer that shows it.
- `warm`: medians of calls over stdio, and of an empty call (`read_file` of one line) beside them.

`--large` first multiplies the repository's Python files to more than 50,000, each with its own content.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.processes import memory_mb
from tests.stdio_client import StdioClient

LARGE = 50_000
CALLS = 40

PARSE = """
import sys
from kimi_tools.syntax import language_of
from kimi_tools.syntax.grammar import Unparsed, parse
count = 0
for path in sys.stdin.read().split("\\0"):
    language = language_of(path)
    if path and language is not None and language.indexed:
        with open(path, "rb") as file:
            data = file.read()
        try:
            parse(language, data)
            count += 1
        except Unparsed:
            pass
print(count)
"""

ASK = """
import sys, time, asyncio
started = time.perf_counter()
from kimi_tools.index import index_of
from kimi_tools.workspace import Workspace
imported = time.perf_counter()
async def main():
    workspace = Workspace(sys.argv[1], state=sys.argv[2])
    index = index_of(workspace)
    await index.refresh()
    await index.ahead(sys.argv[3])
    found = len(index.symbols(sys.argv[3]))
    print(found, imported - started, time.perf_counter() - imported, flush=True)
    if sys.argv[4:] == ["complete"]:
        while not (await index.complete(600)).complete:
            pass
        print(time.perf_counter() - imported)
    workspace.close()
asyncio.run(main())
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=Path)
    parser.add_argument("--symbol", default="QuerySet")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.repository.resolve()
        if options.large:
            root = multiply(root, Path(folder, "large"))
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        measure(root, Path(folder), options.symbol)


def multiply(source: Path, target: Path) -> Path:
    """More than 50,000 files made of a repository's Python files, no two alike."""
    files = [path for path in source.rglob("*.py") if ".git" not in path.parts]
    for copy in range(LARGE // len(files) + 1):
        for path in files:
            made = target / f"copy{copy}" / path.relative_to(source)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_bytes(path.read_bytes() + f"\n# copy {copy} of {path.name}\n".encode())
    return target


def measure(root: Path, folder: Path, symbol: str) -> None:
    state = str(folder / "state")
    files = subprocess.run(
        ["git", "ls-files", "-z", "*.py"]
        if (root / ".git").exists()
        else ["find", ".", "-name", "*.py", "-print0"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows: list[tuple[str, str]] = [("files", f"{files.count(chr(0)):,}")]
    floor, _ = timed([sys.executable, "-c", PARSE], root, stdin=files)
    rows.append(("parse: CPU", f"{floor:.2f} s"))
    if ctags := shutil.which("ctags"):
        used, _ = timed([ctags, "-R", "--languages=Python", "-f", str(folder / "tags"), "."], root)
        rows.append(("ctags: CPU", f"{used:.2f} s"))
    cold, out = timed([sys.executable, "-c", ASK, str(root), state, symbol, "complete"], root)
    found, _, usable, whole = out.split()
    rows.append(("cold: CPU", f"{cold:.2f} s, {cold / floor:.2f} x parse"))
    rows.append(("cold: wall", f"{float(whole):.2f} s"))
    rows.append((f"usable: {found} definitions after", f"{float(usable):.2f} s"))
    database = next(Path(os.environ["XDG_CACHE_HOME"]).rglob("symbols-*.sqlite"))
    rows.append(("database", f"{database.stat().st_size / 1e6:.0f} MB"))
    ready = [timed([sys.executable, "-c", ASK, str(root), state, symbol], root)[1].split() for _ in range(5)]
    rows.append(("ready: median", f"{1000 * statistics.median(float(line[2]) for line in ready):.0f} ms"))
    rows += warm(root, symbol)
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def timed(command: list[str], root: Path, stdin: str = "") -> tuple[float, str]:
    """CPU seconds of a command with its children, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=root, input=stdin, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def warm(root: Path, symbol: str) -> list[tuple[str, str]]:
    """Medians over stdio; a file that appears; memory."""
    path = (
        subprocess.run(
            ["grep", "-rl", "--include=*.py", f"class {symbol}", "."],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        .stdout.split("\n")[0]
        .removeprefix("./")
    )
    calls = {
        "read_file (one line)": ("read_file", {"path": path, "count": 1}),
        "find_symbol": ("find_symbol", {"name": symbol}),
        "find_references": ("find_references", {"name": "make_hashable"}),
        "outline": ("outline", {"path": path}),
        "find_tests": ("find_tests", {"of": "make_hashable"}),
    }
    rows: list[tuple[str, str]] = []
    with StdioClient(root, "--toolsets", "all") as client:
        client.initialize()
        for name, (tool, arguments) in calls.items():
            for _ in range(5):
                client.call(tool, **arguments)
            took = []
            for _ in range(CALLS):
                started = time.perf_counter()
                client.call(tool, **arguments)
                took.append(time.perf_counter() - started)
            rows.append((f"warm: {name}", f"{1000 * statistics.median(took):.1f} ms"))
        rows.append(("changed: visible after", f"{1000 * statistics.median(changes(root, client)):.0f} ms"))
        rows.append(("memory of the server and its children", f"{memory_mb(client.process.pid):.0f} MB"))
    return rows


def changes(root: Path, client: StdioClient) -> list[float]:
    """Seconds from writing a file to the answer that shows what is in it."""
    made = root / "kimi_bench_made.py"
    took: list[float] = []
    try:
        for number in range(9):
            made.write_text(f"def kimi_bench_{number}(): ...\n")
            started = time.perf_counter()
            text = client.call("find_symbol", name=f"kimi_bench_{number}").text
            took.append(time.perf_counter() - started)
            assert text.startswith("1 definition"), json.dumps(text)
    finally:
        made.unlink()
    return took


if __name__ == "__main__":
    main()
