"""`uv run python -m tests.clients [NAME …]`: the matrices of real clients, MCP and ACP, as Markdown tables.

A long call is one of more than a minute, after which many clients give up where their settings do not say
otherwise; the entries are those that `kimi-mcp setup` writes. The cancelled call is one that the person ends
with Ctrl-C; it counts as stopped when its process is gone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.clients import acp, install
from tests.clients.drivers import CLIENTS, Client
from tests.clients.turns import Turn, run_turn

LONG_SECONDS = 75

COLUMNS = (
    "client",
    "version",
    "opens with",
    "declares",
    "connects",
    "lists",
    "calls",
    "shows the result",
    f"call of {LONG_SECONDS} s",
    "7,500 characters",
    "Ctrl-C",
    "what the server hears then",
)


def yes(it_is: bool) -> str:
    return "yes" if it_is else "**no**"


class Bench:
    """One client's tests, each in a folder of its own below `folder`."""

    def __init__(self, client: Client, folder: Path, node: Path) -> None:
        self.client = client
        self.node = node
        self.installed = install.install(client, node)
        self.folder = folder / "".join(filter(str.isalnum, client.name))

    def turn(self, name: str, plan: list, **options: object) -> Turn:  # type: ignore[type-arg]
        folder = self.folder / name
        root = folder / "root"
        root.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        (root / "fox.txt").write_text("the quick brown fox\n")
        (root / "big.txt").write_text("".join(f"line {n} of a long file\n" for n in range(1, 5_001)))
        return run_turn(self.client, self.installed.binaries, self.node, folder, plan, **options)  # type: ignore[arg-type]

    def quick(self) -> list[str]:
        """Connect, list, call, show."""
        turn = self.turn("quick", [("read_file", {"path": "fox.txt"})])
        hello = turn.hello
        meta = hello.get("_meta", {})
        prefix = "io.modelcontextprotocol/"
        version = hello.get("protocolVersion") or meta.get(prefix + "protocolVersion", "nothing")
        declared = hello.get("capabilities") or meta.get(prefix + "clientCapabilities") or {}
        listed = bool(turn.asked("tools/list"))
        calls = turn.asked("tools/call")
        return [
            f"{hello.get('method', 'nothing')} {version}",
            ", ".join(sorted(declared)) or "nothing",
            yes(any("result" in message for message in turn.messages("server"))),
            yes(listed),
            yes(bool(calls)),
            yes(turn.shows("the quick brown fox") and turn.done),
        ]

    def long(self) -> str:
        turn = self.turn(
            "long", [("run_command", {"command": f"sleep {LONG_SECONDS}; echo 'long' 'done'"})], timeout=200
        )
        if turn.shows("long done") and turn.done:
            return "yes"
        called = [at for at, who, text in turn.wire if who == "client" and '"tools/call"' in text]
        after = [at for at, who, _ in turn.wire if called and who != "server" and at > called[-1]]
        return f"**no**: gives up after {after[0] - called[-1]:.0f} s" if after else "**no**"

    def big(self) -> str:
        turn = self.turn("big", [("read_file", {"path": "big.txt", "count": 5_000})])
        texts = [
            part["text"]
            for message in turn.messages("server")
            for part in (message.get("result") or {}).get("content", [])
        ]
        lines = texts[-1].splitlines() if texts else ["nothing came"]
        whole = len(lines) > 100 and all(
            turn.shows(line.strip()[:40]) for line in (lines[0], *lines[::10], lines[-1])
        )
        return yes(whole)

    def cancel(self) -> list[str]:
        mark = f"3{time.time_ns() % 10**6:06}"

        def called(turn: Turn) -> bool:
            return bool(turn.asked("tools/call")) and _running(mark)

        turn = self.turn(
            "cancel", [("run_command", {"command": f"sleep {mark}"})], timeout=60, interrupt=called
        )
        end = time.monotonic() + 5
        while _running(mark) and time.monotonic() < end:
            time.sleep(0.1)
        heard = [
            text for _, who, text in turn.wire if who == "event" and not text.startswith(("started", "ended"))
        ]
        heard += ["cancelled"] * bool(turn.asked("notifications/cancelled"))
        return [
            "stopped" if turn.asked("tools/call") and not _running(mark) else "**not stopped**",
            ", ".join(heard),
        ]

    def row(self, quick: bool) -> list[str]:
        cells = [self.client.name, self.installed.version, *self.quick()]
        if not quick:
            cells += [self.long(), self.big(), *self.cancel()]
        return cells


def _running(mark: str) -> bool:
    return subprocess.run(["pgrep", "-f", f"^sleep {mark}$"], stdout=subprocess.DEVNULL).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.clients", description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of clients' names; default: all")
    parser.add_argument("--quick", action="store_true", help="only connect, list, call and show")
    parser.add_argument("--jobs", type=int, default=3, help="clients at once")
    parser.add_argument("--get", action="store_true", help="only install the named clients")
    parser.add_argument("--keep", type=Path, help="keep what was seen in this directory")
    options = parser.parse_args()
    names = tuple(name.lower() for name in options.names) or ("",)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="kimi-mcp-clients-"))
    node = install.node()
    benches = list(_installed([c for c in CLIENTS if c.name.lower().startswith(names)], folder, node))
    agents = [client for client in acp.CLIENTS if client.name.lower().startswith(names)]
    for client in agents:
        client.get(node)
    if options.get:
        return
    columns = COLUMNS[:8] if options.quick else COLUMNS
    _table(columns, benches, lambda bench: bench.row(options.quick), options.jobs)
    columns = acp.COLUMNS[:-2] if options.quick else acp.COLUMNS
    _table(columns, agents, lambda client: acp.row(client, folder, node, options.quick), options.jobs)
    print(f"\nWhat was seen is in {folder}", file=sys.stderr)


def _installed(clients: list[Client], folder: Path, node: Path) -> Iterator[Bench]:
    for client in clients:
        try:
            yield Bench(client, folder, node)
        except subprocess.CalledProcessError as error:
            print(f"{client.name} is left out, it could not be installed: {error}", file=sys.stderr)


def _table(columns: tuple[str, ...], clients: list, row: Callable[[Any], list[str]], jobs: int) -> None:  # type: ignore[type-arg]
    if not clients:
        return
    print("\n| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns), flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        for cells in pool.map(row, clients):
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
