"""What the client itself costs per answer, while the history grows: `uv run python -m tests.bench.bench_model`.

The endpoint runs in a process of its own; reported are this process's CPU milliseconds per step.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from pydantic import SecretStr

from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.messages import CallResult, Function, Message, System, User

READ = Function(
    "read_file",
    "Reads a file.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)


@contextlib.contextmanager
def endpoint(turns: int) -> Iterator[str]:
    """The simulated endpoint in another process; its address."""
    turn = {
        "reasoning": "I must look at this file before I change anything in it. " * 8,
        "calls": [{"name": "read_file", "arguments": {"path": "kimi_mcp/model/client.py"}}],
        "times": turns,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as script:
        json.dump(
            {
                "turns": [turn],
                "keep_bodies": 1,
                "models": [{"id": "kimi-k3", "window": 4_000_000, "thinking": "effort"}],
            },
            script,
        )
        script.flush()
        command = [sys.executable, "-m", "tests.kimi_api", "--script", script.name, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                yield server.stdout.readline().split()[3]
            finally:
                server.terminate()


async def steps(url: str, count: int, result: str) -> list[float]:
    """CPU milliseconds of each step of a loop that only reads."""
    messages: list[Message] = [System("You fix bugs."), User("Fix it.")]
    spent: list[float] = []
    link = Connection(host=url, key=SecretStr("sk-bench"), kind="moonshot", window=4_000_000)
    async with await connect(link) as model:
        for _ in range(count):
            started = time.process_time()
            answer = await model.answer(messages, [READ])
            spent.append((time.process_time() - started) * 1000)
            messages.append(answer.message)
            messages += [CallResult(call.id, call.name, result) for call in answer.message.calls]
    return spent


def main() -> None:
    """Print medians of the first, the middle and the last tenth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--result", type=int, default=4000, help="characters of each result")
    options = parser.parse_args()
    line = "def answer(self, messages: Sequence[Message]) -> Answer:  # one of many lines\n"
    result = (line * (options.result // len(line) + 1))[: options.result]
    with endpoint(options.steps + 1) as url:
        spent = asyncio.run(steps(url, options.steps, result))
    tenth = max(1, options.steps // 10)
    middle = options.steps // 2
    for name, part in (
        ("first tenth", spent[1:tenth]),
        ("middle", spent[middle : middle + tenth]),
        ("last tenth", spent[-tenth:]),
    ):
        print(f"{name:12} median {statistics.median(part):6.2f} ms  max {max(part):6.2f} ms")
    print(f"prompt at the end: {options.steps * options.result:,} characters")


if __name__ == "__main__":
    main()
