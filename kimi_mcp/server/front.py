"""The server as the client meets it: it reads, answers what is fixed, and hands the rest to the SDK.

The main thread runs only this. It owns the pipes, the signals and the end; the SDK and the tools live in a
second thread with its own event loop (`engine`), which is started when the handshake is over, because
importing them takes longer than impatient clients wait. So the first answers are quick, a tool that blocks
the loop cannot keep a ping waiting, and the process always ends in time.

The SDK decides once per connection which era of the protocol it speaks. Clients probe with `server/discover`
and then initialize, so there are two connections to it: requests with the envelope of 2026-07-28 go to
`modern`, everything else to `legacy`.

Standard library only.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, cast

from kimi_mcp.server.answers import Answers, is_modern
from kimi_mcp.server.requests import Requests
from kimi_mcp.server.selection import Selection
from kimi_mcp.stdio.signals import Ended, end_on_signals, watch
from kimi_mcp.stdio.wire import Lines, Refused, Writer, decode

_HANDSHAKE_PAUSE = 0.05
"""Seconds without a message after which the handshake counts as over and the SDK may be imported."""

_LONGEST_WAIT = 0.3
"""The same before the first message."""

_PARENT_SECONDS = 2.0
"""How often it is looked whether the parent is still there, where its death cannot be waited for."""

_END_SECONDS = 0.15
"""What running calls get to end in; Claude Code kills its servers 100 ms after SIGTERM, Cline after 250."""


class Engine(Protocol):
    """What the front needs of the second thread."""

    def feed(self, lane: str, message: dict[str, Any]) -> None:
        """Take one message of a client."""
        ...

    def stop(self) -> None:
        """Cancel everything."""
        ...

    def run(self) -> None:
        """Serve until stopped."""
        ...


StartEngine = Callable[[Callable[[str, dict[str, Any]], None]], Engine]
"""Imports and makes the engine; the argument takes what it sends: the lane and the message."""


class Front:
    """One client on one pair of pipes."""

    def __init__(self, pipes: tuple[int, int], selection: Selection, start: StartEngine) -> None:
        self._input = pipes[0]
        self._writer = Writer(pipes[1])
        self._answers = Answers(selection)
        self._start = start
        self._lines = Lines()
        self._exit_code = 0
        self._initialized = False
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._engine: Engine | None = None
        self._thread: threading.Thread | None = None
        self._requests = Requests()
        self._lock = threading.Lock()  # for `_engine` and `_waiting`: both threads use them

    def serve(self) -> None:
        """Serve until the client leaves or a signal ends us; does not return."""
        with contextlib.suppress(Ended):
            self._read()
        self._end()

    def _read(self) -> None:
        """Take messages until there will be no more. Raises `Ended` on a signal."""
        our_parent = os.getppid()
        wake, parent = end_on_signals(), watch(our_parent)
        poll = select.poll()
        for descriptor in (self._input, wake, parent):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        wait = _LONGEST_WAIT
        idle = None if parent >= 0 else _PARENT_SECONDS * 1000
        while True:
            ready = poll.poll(idle if self._thread else wait * 1000)
            if not ready and self._thread is None:
                self._start_engine()
            if os.getppid() != our_parent or any(descriptor != self._input for descriptor, _ in ready):
                return
            if not ready:
                continue
            wait = _HANDSHAKE_PAUSE
            try:
                piece = os.read(self._input, 65_536)
            except OSError:
                return
            if not piece:
                return
            for line in self._lines.add(piece):
                self._take(line)

    def _take(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        try:
            message = decode(line)
            if "method" not in message:
                self._take_response(message)
            elif "id" in message:
                self._take_request(message)
            else:
                self._take_notification(message)
        except Refused as refusal:
            error = {"code": refusal.code, "message": str(refusal)}
            self._writer.send({"jsonrpc": "2.0", "id": refusal.id, "error": error})

    def _take_request(self, message: dict[str, Any]) -> None:
        method, id, params = message["method"], message["id"], message.get("params", {})
        answer = self._answers.to(method, params, initialized=self._initialized)
        lane = "modern" if method != "initialize" and is_modern(params) else "legacy"
        if answer is None:
            self._hand_over(lane, {**message, "id": self._requests.begin(id, lane)})
            return
        self._writer.send({"jsonrpc": "2.0", "id": id, **answer})
        if method == "initialize":
            self._initialized = True
            self._requests.forget_duplicates()
            self._hand_over(
                "legacy",
                {**message, "id": self._requests.silent(), "params": _handshake(params, answer["result"])},
            )

    def _take_notification(self, message: dict[str, Any]) -> None:
        if message["method"] != "notifications/cancelled":
            self._hand_over("legacy", message)
            return
        params = message.get("params", {})
        if (running := self._requests.cancel(params.get("requestId"))) is not None:
            ours, lane = running
            self._hand_over(lane, {**message, "params": {**params, "requestId": ours}})

    def _take_response(self, message: dict[str, Any]) -> None:
        """An answer to a request of ours: those have ids like `legacy:7`, which no client's id resembles."""
        lane, colon, number = str(message.get("id")).partition(":")
        if lane in ("legacy", "modern") and colon and number.isdecimal():
            self._hand_over(lane, {**message, "id": int(number)})

    def _hand_over(self, lane: str, message: dict[str, Any]) -> None:
        with self._lock:
            if self._engine is None:
                self._waiting.append((lane, message))
                return
        self._engine.feed(lane, message)

    def emit(self, lane: str, message: dict[str, Any]) -> None:
        """Send what the engine has to say, the client's own id put back; called in the engine's thread."""
        id = message.get("id")
        if id is not None and "method" in message:
            message = {**message, "id": f"{lane}:{id}"}
        elif id is not None:
            theirs = self._requests.end(id)
            if theirs is None:
                return  # cancelled, the replayed handshake, or the id has been given to a newer request
            message = {**message, "id": theirs}
        self._writer.send(message)

    def _start_engine(self) -> None:
        self._thread = threading.Thread(target=self._run_engine, name="engine", daemon=True)
        self._thread.start()

    def _run_engine(self) -> None:
        try:
            engine = self._start(self.emit)
            with self._lock:
                for lane, message in self._waiting:
                    engine.feed(lane, message)
                self._waiting.clear()
                self._engine = engine
            engine.run()
        except BaseException as error:
            sys.stderr.write(f"kimi-mcp: the server cannot go on: {type(error).__name__}: {error}\n")
            self._exit_code = 1
            os.kill(os.getpid(), signal.SIGTERM)

    def _end(self) -> None:
        """End running calls and every child, then the process, whatever its threads are doing."""
        self._writer.close()
        if self._engine is not None and self._thread is not None:
            self._engine.stop()
            self._thread.join(_END_SECONDS)
        process = sys.modules.get("kimi_tools.process")
        if process is not None:
            cast(Any, process).kill_all()
        sys.stderr.flush()
        os._exit(self._exit_code)


def _handshake(params: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """The `initialize` that the SDK gets to see: only what it needs, so that it cannot refuse it."""
    client = params["clientInfo"]
    return {
        "protocolVersion": result["protocolVersion"],
        "capabilities": {name: {} for name in ("elicitation", "roots") if name in params["capabilities"]},
        "clientInfo": {"name": client["name"], "version": client["version"]},
    }
