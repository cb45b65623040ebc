"""`uv run python -m tests.bench.peers REPOSITORY`: kimi-mcp beside other servers, in one run.

REPOSITORY is a local git repository with Django's history, or anything that can be cloned. The servers come
from their packages (PyPI with uv, npm) into a cache directory. Every server gets its own clone and the same
tasks, one after the other and by turns, so that the load of the machine meets all of them.

A cell says: first call / median of the next ones in ms, processor ms of the process tree per later call, and
characters of the result; `-` where the server has no tool for the task; `failed` with the reason below.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kimi_mcp.swebench.environment import find_python
from tests.bench.processes import cpu_seconds, memory_mb, tree
from tests.clients import install
from tests.stdio_client import StdioClient, called

FILE = "django/db/models/query.py"
SMALL = "django/utils/hashable.py"

TASKS: dict[str, str] = {
    "rare string": "search `make_hashable`",
    "common regex": r"search `def test_\w+`",
    "files by name": "`query.py` anywhere",
    "class by name": "the definition of `QuerySet`",
    "references": "of the function `make_hashable`",
    "read 60 lines": f"lines 200 to 259 of {FILE}",
    "one-line edit": f"there and back in {SMALL}",
    "git status": "of the whole tree, one file changed",
    "git log": "10 commits",
    "git diff": "of one changed line",
}

OLD, NEW = "def make_hashable(value):", "def make_hashable(value):  # edited"

Call = tuple[str, dict[str, Any]]


@dataclass
class Server:
    """One server. `calls`: for a repository's root, the call of each task; the edit's is one of a pair."""

    name: str
    start: Callable[[Path], tuple[str, ...]]
    calls: Callable[[Path], dict[str, Call]]
    environment: Callable[[], dict[str, str]] = dict
    wait: float = 0.0
    """Seconds that it may take to be ready after its handshake."""
    prepare: Callable[[Path], None] = lambda root: None
    """What its documentation asks for before the first start in a repository."""


def ours(root: Path) -> dict[str, Call]:
    return {
        "rare string": ("search_text", {"pattern": "make_hashable"}),
        "common regex": ("search_text", {"pattern": r"def test_\w+"}),
        "files by name": ("find_files", {"query": "**/query.py"}),
        "class by name": ("find_symbol", {"name": "QuerySet"}),
        "references": ("find_references", {"name": "make_hashable"}),
        "read 60 lines": ("read_file", {"path": FILE, "start": 200, "count": 60}),
        "one-line edit": ("edit_file", {"path": SMALL, "old": OLD, "new": NEW}),
        "git status": ("git_status", {}),
        "git log": ("git_log", {"limit": 10}),
        "git diff": ("git_diff", {}),
    }


def serena(root: Path) -> dict[str, Call]:
    edit = {"relative_path": SMALL, "needle": OLD, "repl": NEW, "mode": "literal"}
    return {
        "rare string": ("search_for_pattern", {"substring_pattern": "make_hashable"}),
        "common regex": ("search_for_pattern", {"substring_pattern": r"def test_\w+"}),
        "files by name": ("find_file", {"file_mask": "query.py", "relative_path": "."}),
        "class by name": ("find_symbol", {"name_path_pattern": "QuerySet"}),
        "references": ("find_referencing_symbols", {"name_path": "make_hashable", "relative_path": SMALL}),
        "read 60 lines": ("read_file", {"relative_path": FILE, "start_line": 199, "end_line": 258}),
        "one-line edit": ("replace_content", edit),
        "git status": ("execute_shell_command", {"command": "git status"}),
        "git log": ("execute_shell_command", {"command": "git log -10"}),
        "git diff": ("execute_shell_command", {"command": "git diff"}),
    }


def filesystem(root: Path) -> dict[str, Call]:
    edit = {"path": str(root / SMALL), "edits": [{"oldText": OLD, "newText": NEW}]}
    return {
        "files by name": ("search_files", {"path": str(root), "pattern": "**/query.py"}),
        "read 60 lines": ("read_text_file", {"path": str(root / FILE), "head": 60}),
        "one-line edit": ("edit_file", edit),
    }


def git_server(root: Path) -> dict[str, Call]:
    where = {"repo_path": str(root)}
    return {
        "git status": ("git_status", where),
        "git log": ("git_log", {**where, "max_count": 10}),
        "git diff": ("git_diff_unstaged", where),
    }


def agent_lsp(root: Path) -> dict[str, Call]:
    place = {"file_path": str(root / SMALL), "language_id": "python", "line": 5, "column": 5}
    return {
        "class by name": ("find_symbol", {"query": "QuerySet"}),
        "references": ("find_references", place),
    }


def python_package(package: str, program: str) -> str:
    """A program of a package from PyPI, installed into a virtual environment of its own."""
    folder = install.cache() / "pypi" / package
    if not (folder / "bin" / program).exists():
        subprocess.run(["uv", "venv", "-q", "--clear", str(folder)], check=True)
        subprocess.run(
            ["uv", "pip", "install", "-q", "--compile-bytecode", package],
            check=True,
            env={**os.environ, "VIRTUAL_ENV": str(folder)},
        )
    return str(folder / "bin" / program)


def npm_program(package: str, program: str) -> str:
    """A program of a package from npm."""
    folder = install.cache() / package.replace("/", "+")
    install.install_package(folder, package, install.node())
    return str(folder / "node_modules" / ".bin" / program)


def quiet_serena() -> dict[str, str]:
    """No telemetry, no settings of the user's, and the Python 3.13 that its language server is run with."""
    home = install.cache() / "serena-home"
    home.mkdir(parents=True, exist_ok=True)
    python = Path(find_python("3.13"))
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}" if python.is_absolute() else os.environ["PATH"]
    return {"SERENA_HOME": str(home), "SERENA_USAGE_REPORTING": "false", "PATH": path}


def create_serena_project(root: Path) -> None:
    """Name the language beforehand: a Serena that ends during its first start never finds it again."""
    program = python_package("serena-agent", "serena")
    subprocess.run(
        [program, "project", "create", str(root), "--language", "python"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **quiet_serena()},
    )


def with_language_server() -> dict[str, str]:
    """Our own environment's Pyright, for a server that brings none."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


SERENA_FLAGS = ("--agent-interface", "tools", "--enable-web-dashboard", "false", "--context", "desktop-app")

SERVERS = (
    Server("kimi-mcp", lambda root: (sys.executable, "-m", "kimi_mcp", "serve", "--toolsets", "all"), ours),
    Server(
        "Serena",
        lambda root: (
            python_package("serena-agent", "serena"),
            "start-mcp-server",
            *SERENA_FLAGS,
            "--project",
            str(root),
        ),
        serena,
        quiet_serena,
        wait=300,
        prepare=create_serena_project,
    ),
    Server(
        "server-filesystem",
        lambda root: (
            npm_program("@modelcontextprotocol/server-filesystem", "mcp-server-filesystem"),
            str(root),
        ),
        filesystem,
    ),
    Server(
        "mcp-server-git",
        lambda root: (python_package("mcp-server-git", "mcp-server-git"), "--repository", str(root)),
        git_server,
    ),
    Server(
        "agent-lsp",
        lambda root: (python_package("agent-lsp", "agent-lsp"), "python:pyright-langserver,--stdio"),
        agent_lsp,
        with_language_server,
        wait=300,
    ),
)


@dataclass
class Seen:
    """What was measured of one server."""

    start_ms: list[float] = field(default_factory=list)
    list_ms: list[float] = field(default_factory=list)
    start_cpu: float = 0.0
    tools: int = 0
    list_chars: int = 0
    idle_mb: float = 0.0
    used_mb: float = 0.0
    cells: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@contextlib.contextmanager
def connected(server: Server, root: Path) -> Iterator[StdioClient]:
    """A server with its handshake made; some need long to end, and some must be made to."""
    client = StdioClient(root, command=server.start(root), pinned=False, environment=server.environment())
    try:
        client.initialize("2025-06-18")
        yield client
    finally:
        try:
            client.close(timeout=30)
        except subprocess.TimeoutExpired:
            for pid in tree(client.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def measure_start(server: Server, root: Path, seen: Seen) -> None:
    """One start, to the list of the tools, and its end."""
    with connected(server, root) as client:
        seen.start_ms.append((time.monotonic() - client.started) * 1000)
        tools = client.list_tools()
        seen.list_ms.append((time.monotonic() - client.started) * 1000)
        seen.start_cpu = cpu_seconds(client.process.pid)
        seen.tools, seen.list_chars = len(tools), len(json.dumps({"tools": tools}, separators=(",", ":")))


def measure_task(client: StdioClient, task: str, call: Call, rounds: int, wait: float, seen: Seen) -> None:
    """One task: the first call, and the median of the rounds after it."""
    walls: list[float] = []
    size, warm_from = 0, 0.0
    name, arguments = call
    for number in range(rounds + 1):
        if task == "one-line edit" and number % 2:
            arguments = json.loads(
                json.dumps(call[1]).replace(OLD, "@@").replace(NEW, OLD).replace("@@", NEW)
            )
        else:
            arguments = call[1]
        if number == 1:
            warm_from = cpu_seconds(client.process.pid)
        started = time.monotonic()
        try:
            done = called(client.request("tools/call", {"name": name, "arguments": arguments}, 60 + wait))
        except (AssertionError, KeyError) as error:
            seen.cells[task] = "failed"
            seen.notes.append(f"{task}: {str(error)[:200]}")
            return
        walls.append((time.monotonic() - started) * 1000)
        size = len(done.text)
        if done.is_error or done.text.startswith("Error"):
            seen.cells[task] = "failed"
            seen.notes.append(f"{task}: {done.text[:200]}")
            return
    warm, cpu = statistics.median(walls[1:]), (cpu_seconds(client.process.pid) - warm_from) * 1000 / rounds
    seen.cells[task] = f"{walls[0]:.0f} / {warm:.0f} ms, {cpu:.0f} cpu, {size:,} chars"


def measure(servers: list[Server], roots: dict[str, Path], rounds: int, seen: dict[str, Seen]) -> None:
    """All tasks, one after the other, each on every server by turns; every server keeps its one connection."""
    with contextlib.ExitStack() as connections:
        clients = {one.name: connections.enter_context(connected(one, roots[one.name])) for one in servers}
        offered = {name: {tool["name"] for tool in client.list_tools()} for name, client in clients.items()}
        time.sleep(2)  # what it imports or indexes on its own, it may
        for name, client in clients.items():
            seen[name].idle_mb = memory_mb(client.process.pid)
        if "agent-lsp" in clients:
            start = {"root_dir": str(roots["agent-lsp"]), "language_id": "python"}
            clients["agent-lsp"].request("tools/call", {"name": "start_lsp", "arguments": start}, 300)
        if "kimi-mcp" in clients:
            started = time.monotonic()
            while "not complete" in clients["kimi-mcp"].call("find_symbol", name="QuerySet").text:
                assert time.monotonic() - started < 300, "the index is not ready"
                time.sleep(1)
            seen["kimi-mcp"].notes.append(
                f"index ready {time.monotonic() - started:.0f} s after the first use"
            )
        for task in TASKS:
            for one in servers:
                call = one.calls(roots[one.name]).get(task)
                if call is not None and call[0] in offered[one.name]:
                    measure_task(clients[one.name], task, call, rounds, one.wait, seen[one.name])
        for name, client in clients.items():
            seen[name].used_mb = memory_mb(client.process.pid)


def prepare(repository: str, folder: Path) -> Path:
    """A clone with one changed line."""
    root = folder / "root"
    if not root.exists():
        subprocess.run(["git", "clone", "-q", repository, str(root)], check=True)
    readme = root / "README.rst"
    readme.write_text(readme.read_text().rstrip("\n") + "\nchanged\n")
    return root


def main() -> None:
    """Measure and print two Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", help="a local git repository")
    parser.add_argument(
        "--folder", type=Path, default=Path("/tmp/kimi-mcp-peers"), help="where the clones go"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="beginnings of servers' names")
    options = parser.parse_args()
    servers = [
        server
        for server in SERVERS
        if not options.only or server.name.lower().startswith(tuple(map(str.lower, options.only)))
    ]
    roots = {server.name: prepare(options.repository, options.folder / server.name) for server in servers}
    for server in servers:
        server.prepare(roots[server.name])
    seen = {server.name: Seen() for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            measure_start(server, roots[server.name], seen[server.name])
    measure(servers, roots, options.rounds, seen)
    print_tables(seen)
    shutil.rmtree(options.folder, ignore_errors=True)


def print_tables(seen: dict[str, Seen]) -> None:
    """The start and the cost of each server, then the tasks."""
    columns = ("server", "initialize ms (worst)", "tools/list ms", "CPU s to there", "tools")
    print("| " + " | ".join((*columns, "list chars (tokens)", "MB idle, used")) + " |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, one in seen.items():
        print(
            f"| {name} | {statistics.median(one.start_ms):.0f} ({max(one.start_ms):.0f}) "
            f"| {statistics.median(one.list_ms):.0f} | {one.start_cpu:.2f} | {one.tools} "
            f"| {one.list_chars:,} ({one.list_chars // 4:,}) | {one.idle_mb:.0f}, {one.used_mb:.0f} |"
        )
    print("\n| task | " + " | ".join(seen) + " |\n| --- |" + " --- |" * len(seen))
    for task, meaning in TASKS.items():
        print(
            f"| {task}: {meaning} | " + " | ".join(one.cells.get(task, "-") for one in seen.values()) + " |"
        )
    for name, one in seen.items():
        for note in one.notes:
            print(f"\n{name}, {note!r}")


if __name__ == "__main__":
    main()
