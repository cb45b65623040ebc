"""The Language Server Protocol over a child's pipes, as much of it as questions need."""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import IO, Any, cast

from kimi_tools.errors import TimedOut, Unavailable
from kimi_tools.lsp.activity import Activity
from kimi_tools.process import Launch

IDLE_SECONDS = 180.0
"""A server that nobody has asked for so long is ended: it holds 100 MB and more."""

_LONGEST_MESSAGE = 16 * 1024 * 1024
_LONGEST_HEADER = 1000
_MOST_UNREAD = 10_000
_LAST_SECONDS = 2.0
_CAPABILITIES: dict[str, Any] = {
    "workspace": {
        "workspaceFolders": True,
        "configuration": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "textDocument": {
        "references": {},
        "synchronization": {},
        "publishDiagnostics": {"versionSupport": True},
    },
    "window": {"workDoneProgress": True},
    "experimental": {"serverStatusNotification": True},
    "general": {"positionEncodings": ["utf-16"]},
}


class Client:
    """One running server. Threads may share it. Raises `Unavailable` when it cannot be started or has died."""

    def __init__(self, launch: Launch, folder: str, uri: str) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over = False
        self.activity = Activity()
        self._launch = launch
        self._asked = time.monotonic()
        started: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._live, args=(started, folder), name="lsp", daemon=True).start()
        try:
            self._process = started.result()
        except OSError as error:
            self._give_back()
            raise Unavailable(f"'{launch.argv[0]}' cannot be started: {error.strerror or error}.") from None
        threading.Thread(target=self._write, name="lsp-write", daemon=True).start()
        threading.Thread(target=self._rest, name="lsp-idle", daemon=True).start()
        self._uri = uri

    def _live(self, started: "Future[subprocess.Popen[bytes]]", folder: str) -> None:
        """The thread of the server's whole life: a sandbox dies with the thread that started it."""
        try:
            process = subprocess.Popen(
                list(self._launch.argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=dict(self._launch.environment),
                pass_fds=tuple(self._launch.pass_fds),
                start_new_session=True,
            )
        except OSError as error:
            started.set_exception(error)
            return
        self._process = process
        started.set_result(process)
        try:
            with cast(IO[bytes], process.stdout) as stream:
                self._listen(stream)
        finally:
            self.end()

    def begin(self, timeout: float, options: Mapping[str, Any]) -> None:
        """Shake hands; `options` are the server's own."""
        folders = [{"uri": self._uri, "name": "workspace"}]
        parameters: dict[str, Any] = {
            "processId": None,  # in a sandbox our number means nothing: servers that watch it would end
            "rootUri": self._uri,
            "workspaceFolders": folders,
            "capabilities": _CAPABILITIES,
            "initializationOptions": options,
        }
        self.request("initialize", parameters, timeout)
        self.notify("initialized", {})

    def request(self, method: str, parameters: Any, timeout: float) -> Any:
        """Ask and wait. Raises `TimedOut`, and `Unavailable` when the server has died or refuses."""
        number = next(self._numbers)
        answer: Future[Any] = Future()
        self._waiting[number] = answer
        self._asked = time.monotonic()
        try:
            self._send({"id": number, "method": method, "params": parameters})
            return answer.result(timeout)
        except FutureTimeout:
            self._send({"method": "$/cancelRequest", "params": {"id": number}})
            raise TimedOut(f"The language server did not answer in {timeout:g} s.") from None
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, parameters: Any) -> None:
        """Tell, without an answer."""
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        """Have a message written; never waits, for a server that hangs does not read."""
        if self._over:
            raise Unavailable("The language server has ended.")
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._outgoing.put(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def _write(self) -> None:
        """The thread that writes; an empty message ends it."""
        stream = cast(IO[bytes], self._process.stdin)
        with contextlib.suppress(OSError, ValueError):
            while piece := self._outgoing.get():
                stream.write(piece)
                stream.flush()
        with contextlib.suppress(OSError):
            stream.close()
        self.end()

    def _listen(self, stream: IO[bytes]) -> None:
        """Take messages until the server ends, or says what is none."""
        with contextlib.suppress(OSError, ValueError, RecursionError, Unavailable):
            while (size := _announced(stream)) >= 0 and self._outgoing.qsize() < _MOST_UNREAD:
                message = json.loads(stream.read(size))
                if not isinstance(message, dict):
                    break
                self._take(cast(dict[str, Any], message))

    def _take(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if "method" in message:
            if number is not None:
                self._send({"id": number, "result": _courtesy(message)})
            elif isinstance(message.get("params"), dict):
                self.activity.take(message["method"], message["params"])
            return
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is not None and not answer.done():
            if "error" in message:
                error: object = message["error"]
                said = cast(dict[str, object], error).get("message") if isinstance(error, dict) else error
                answer.set_exception(Unavailable(f"The language server refused: {said}"))
            else:
                answer.set_result(message.get("result"))

    def _rest(self) -> None:
        while self._process.poll() is None:
            left = self._asked + IDLE_SECONDS - time.monotonic()
            if left <= 0 and not self._waiting:
                self.end()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(left, 1.0))
        self._kill(signal.SIGKILL)  # what it has started and left; later its number may be a stranger's
        self.end()

    @property
    def over(self) -> bool:
        """Whether it has ended, or is just ending: nobody can ask it any more."""
        return self._over

    def end(self) -> None:
        """End the server; whoever waits is told."""
        with self._lock:
            if self._over:
                return
            self._over = True
        self.activity.end()
        if self._process.poll() is None:
            self._kill(signal.SIGTERM)
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill(signal.SIGKILL)
            self._process.wait()
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(Unavailable("The language server has ended."))
        self._outgoing.put(b"")
        self._give_back()

    def _kill(self, number: signal.Signals) -> None:
        """Send its whole process group a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _give_back(self) -> None:
        if self._launch.after is not None:
            self._launch.after()


def _announced(stream: IO[bytes]) -> int:
    """How long the next message is, in bytes, by its header; -1 at the end, or where what comes is no header."""
    size = -1
    while line := stream.readline(_LONGEST_HEADER).strip():
        name, colon, value = line.partition(b":")
        if not colon:
            return -1
        if name.lower() == b"content-length":
            size = int(value)
    return size if size <= _LONGEST_MESSAGE else -1


def _courtesy(message: dict[str, Any]) -> Any:
    """The answer to what a server asks of us: an empty configuration, and yes to everything else."""
    parameters: object = message.get("params")
    if message["method"] != "workspace/configuration" or not isinstance(parameters, dict):
        return None
    items = cast(dict[str, object], parameters).get("items")
    return [None] * len(cast(list[object], items)) if isinstance(items, list) else []
