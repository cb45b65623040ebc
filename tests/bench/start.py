"""`uv run python -m tests.bench.start`: from spawn to the first answers, beside a bare server of the SDK.

Both are started by turns in the same run, so that the load of the machine meets both; what counts is the
ratio. With and without compiled modules (`.pyc`): uv installs none, and where none may be written every start
is without them. Each figure is the median or the worst of the rounds, in milliseconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def echo(text: str) -> str:
    return text
server.run()
"""

SERVERS = {
    "kimi-mcp serve": [str(Path(sys.executable).with_name("kimi-mcp")), "serve"],
    "bare SDK server": [sys.executable, "-c", BARE],
    "python -c pass": [sys.executable, "-c", "pass"],
}

HANDSHAKE = {
    "protocolVersion": "2024-11-05",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds from spawn to each answer, and the processor seconds of the whole."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
    )
    assert process.stdin is not None and process.stdout is not None
    seen: dict[str, float] = {}

    def ask(name: str, id: int, method: str, params: dict[str, object]) -> None:
        request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        answer = json.loads(process.stdout.readline())  # type: ignore[union-attr]
        assert answer["id"] == id
        seen[name] = (time.monotonic() - started) * 1000

    if command[-1] == "pass":
        process.wait()
        seen["end"] = (time.monotonic() - started) * 1000
    else:
        ask("initialize", 1, "initialize", HANDSHAKE)
        process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        ask("tools/list", 2, "tools/list", {})
        ask(
            "first call",
            3,
            "tools/call",
            {"name": "read_file" if "serve" in command else "echo", "arguments": {}},
        )
    process.stdin.close()
    process.wait()
    return seen


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("| server | modules | initialize | worst | tools/list | first call | ratio of initialize |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "root").mkdir()
        (folder / "root" / ".git").mkdir()
        base = {**os.environ, "KIMI_MCP_STATE": str(folder / "state")}
        compiled = {"PYTHONPYCACHEPREFIX": str(folder / "pyc"), "PYTHONDONTWRITEBYTECODE": ""}
        for modules, more in (("compiled", compiled), ("as installed", {"PYTHONDONTWRITEBYTECODE": "1"})):
            environment = {**base, **more}
            for command in SERVERS.values():
                measure(command, folder / "root", environment)  # the file cache, and the compiled modules
            seen: dict[str, list[dict[str, float]]] = {server: [] for server in SERVERS}
            for _ in range(rounds):
                for server, command in SERVERS.items():
                    seen[server].append(measure(command, folder / "root", environment))
            report(modules, seen)


def report(modules: str, seen: dict[str, list[dict[str, float]]]) -> None:
    """One row for each server."""

    def median(server: str, what: str) -> float:
        return statistics.median(one[what] for one in seen[server])

    bare = median("bare SDK server", "initialize")
    for server, all_rounds in seen.items():
        if "end" in all_rounds[0]:
            print(f"| {server} | {modules} | {median(server, 'end'):.0f} (to its end) | | | | |")
            continue
        first = median(server, "initialize")
        worst = max(one["initialize"] for one in all_rounds)
        rest = " | ".join(f"{median(server, what):.0f}" for what in ("tools/list", "first call"))
        print(f"| {server} | {modules} | {first:.0f} | {worst:.0f} | {rest} | {first / bare:.2f} |")


if __name__ == "__main__":
    main()
