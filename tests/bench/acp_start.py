"""`uv run python -m tests.bench.acp_start`: from spawn to the first answers of the agent, beside a bare one of the SDK.

All are started by turns in the same run, so that the load of the machine meets all; what counts is the ratio.
Without compiled modules (`.pyc`), as where none may be written. Milliseconds; the median and the worst of the rounds.
`--beside PYTHON` adds the agent of another installation.
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
import asyncio, acp
from acp import schema
class Bare:
    def on_connect(self, conn): pass
    async def initialize(self, protocol_version, **kwargs):
        return schema.InitializeResponse(protocol_version=1)
    async def new_session(self, cwd, **kwargs):
        return schema.NewSessionResponse(session_id="x")
asyncio.run(acp.run_agent(Bare()))
"""
QUESTIONS = ("initialize", "session/new")


def measure(command: list[str], root: Path, environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds from spawn to each answer."""
    params = {
        "initialize": {"protocolVersion": 1, "clientCapabilities": {}},
        "session/new": {"cwd": str(root), "mcpServers": []},
    }
    seen: dict[str, float] = {}
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env=environment,
    )
    assert process.stdin is not None and process.stdout is not None
    for id, method in enumerate(QUESTIONS):
        request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params[method]}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, object] = {}
        while answer.get("id") != id or "method" in answer:
            answer = json.loads(process.stdout.readline())
        assert "result" in answer, answer
        seen[method] = (time.monotonic() - started) * 1000
    process.stdin.close()
    process.wait()
    return seen


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--beside", metavar="PYTHON")
    options = parser.parse_args()
    agents = {
        "kimi-mcp acp": [sys.executable, "-m", "kimi_mcp", "acp"],
        "bare SDK agent": [sys.executable, "-c", BARE],
    }
    if options.beside:
        agents["beside"] = [options.beside, "-m", "kimi_mcp", "acp"]
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in agents}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / ".git").mkdir()
        environment = {
            **os.environ,
            "KIMI_MCP_STATE": str(root / "state"),
            "KIMI_MCP_API_KEY": "none",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for command in agents.values():
            measure(command, root, environment)  # the file cache
        for _ in range(options.rounds):
            for agent, command in agents.items():
                seen[agent].append(measure(command, root, environment))
    print("| agent | initialize | worst | session/new | worst | ratio of initialize |")
    print("| --- | --- | --- | --- | --- | --- |")
    bare = statistics.median(one["initialize"] for one in seen["bare SDK agent"])
    for agent, rounds in seen.items():
        cells: list[str] = []
        for method in QUESTIONS:
            figures = [one[method] for one in rounds]
            cells += [f"{statistics.median(figures):.0f}", f"{max(figures):.0f}"]
        ratio = statistics.median(one["initialize"] for one in rounds) / bare
        print(f"| {agent} | {' | '.join(cells)} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
