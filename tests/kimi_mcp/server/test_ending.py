"""How calls and servers end: when cancelled, when the client leaves, on signals; nothing is left running."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kimi_mcp.server.conftest import WORKBENCH
from tests.stdio_client import COMMAND, StdioClient, called


def until(true: Callable[[], bool], timeout: float = 20) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def sleeping(seconds: int) -> bool:
    """Whether a `sleep` of so many seconds runs, in whatever sandbox."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
    return False


Child = tuple[int, int]


def start_child(client: StdioClient, root: Path) -> Child:
    """Start a shell with a child that both ignore SIGTERM, through a tool; the call's id, and what it sleeps."""
    seconds = random.randrange(10**6, 10**7)
    id = client.start_request("tools/call", {"name": "child", "arguments": {"seconds": seconds}})
    until((root / "mark").exists)
    until(lambda: sleeping(seconds))
    return id, seconds


def test_a_cancelled_call_is_stopped_and_not_answered(workbench: StdioClient, root: Path) -> None:
    id = workbench.start_request("tools/call", {"name": "wait", "arguments": {}})
    until((root / "mark.started").exists)
    workbench.notify("notifications/cancelled", {"requestId": id})
    until((root / "mark.cancelled").exists)
    assert workbench.request("ping")["result"] == {}
    assert all(f'"id":{id},'.encode() not in line for line in workbench.raw)


def test_cancelling_a_command_ends_its_processes(workbench: StdioClient, root: Path) -> None:
    id, seconds = start_child(workbench, root)
    workbench.notify("notifications/cancelled", {"requestId": id})
    until(lambda: not sleeping(seconds))


def test_cancelling_what_is_unknown_or_finished_does_nothing(workbench: StdioClient) -> None:
    done = workbench.start_request("tools/call", {"name": "bug"})
    workbench.answer(done)
    for id in (done, 99, "x", None, [1], {"a": 1}, True):
        workbench.notify("notifications/cancelled", {"requestId": id})
    workbench.notify("notifications/cancelled")
    assert called(workbench.request("tools/call", {"name": "bug"})).is_error


@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGINT", "SIGHUP"])
def test_the_server_ends_with_its_calls_and_their_children(
    workbench: StdioClient, root: Path, how: str
) -> None:
    _, seconds = start_child(workbench, root)
    if how == "end of input":
        code = workbench.close(timeout=10)
    else:
        workbench.process.send_signal(getattr(signal, how))
        code = workbench.process.wait(timeout=10)
    assert code == 0
    until(lambda: not sleeping(seconds), 2)


def test_the_server_ends_while_a_tool_blocks_it_and_answers_pings_until_then(
    workbench: StdioClient, root: Path
) -> None:
    workbench.start_request("tools/call", {"name": "block", "arguments": {}})
    until((root / "mark.started").exists)
    assert workbench.request("ping", timeout=5)["result"] == {}
    assert workbench.close(timeout=10) == 0


def test_the_server_ends_when_its_parent_dies_and_somebody_else_holds_the_pipe(root: Path) -> None:
    read, write = os.pipe()  # we hold the writing end, so the server never sees the end of its input
    server = f"{[*WORKBENCH, '--root', str(root)]!r}"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess; p = subprocess.Popen({server}); print(p.pid, flush=True); p.wait()",
        ],
        stdin=read,
        stdout=subprocess.PIPE,
        cwd=root,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.write(write, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    assert b'"result":{}' in parent.stdout.readline()
    parent.kill()
    parent.wait()
    until(lambda: not alive(pid), 5)
    os.close(write)


def test_the_server_ends_while_its_client_reads_nothing(root: Path) -> None:
    server = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
    assert server.stdin is not None and server.stdout is not None
    ping = b'{"jsonrpc":"2.0","id":"' + b"x" * 60_000 + b'","method":"ping"}\n'
    server.stdin.write(ping * 2)
    server.stdin.flush()
    server.stdout.read(1)  # it is writing, into a pipe that holds about one of the answers
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=10) == 0
