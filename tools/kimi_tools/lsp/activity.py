"""What a language server says of itself while it reads a repository: when it knows enough to be believed."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

_CALM_SECONDS = 2.0


class Activity:
    """One server's notifications, kept up to date by the thread that listens to it."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._under_way: dict[str, str] = {}
        self._since = time.monotonic()
        self._status: dict[str, Any] = {}
        self._service_ready = False
        self._diagnosed: dict[str, int] = {}
        self._over = False

    def take(self, method: str, parameters: dict[str, Any]) -> None:
        """Note a notification."""
        with self._news:
            if method == "$/progress":
                self._progress(str(parameters.get("token")), parameters.get("value"))
            elif method == "experimental/serverStatus":
                self._status = parameters
            elif method == "language/status":
                self._service_ready |= parameters.get("type") == "ServiceReady"
            elif method == "textDocument/publishDiagnostics":
                self._diagnosed[str(parameters.get("uri"))] = int(parameters.get("version") or 0)
            self._news.notify_all()

    def _progress(self, token: str, value: object) -> None:
        report = cast(dict[str, object], value) if isinstance(value, dict) else {}
        if report.get("kind") == "begin":
            self._under_way[token] = f"{report.get('title')}: {report.get('message', '')}".rstrip(": ")
            self._since = time.monotonic()
        elif report.get("kind") == "end":
            self._under_way.pop(token, None)
            self._since = time.monotonic()

    def end(self) -> None:
        """The server has ended: nobody waits any longer."""
        with self._news:
            self._over = True
            self._news.notify_all()

    @property
    def trouble(self) -> str:
        """What the server could not read of the repository, in its own words; '' for nothing."""
        with self._news:
            if self._status.get("health", "ok") != "ok":
                return str(self._status.get("message") or "it has trouble")
            return next((title for title in self._under_way.values() if title.startswith("Error")), "")

    def quiescent(self, seconds: float) -> bool:
        """Wait until the server says that it has nothing left to do (rust-analyzer's serverStatus)."""
        return self._wait(lambda: bool(self._status.get("quiescent")), seconds)

    def calm(self, seconds: float) -> bool:
        """Wait until the service is ready and nothing has been under way for a while (jdtls)."""
        ends = time.monotonic() + seconds
        while True:
            left = ends - time.monotonic()
            if not self._wait(lambda: self._service_ready and not self._under_way, left):
                return False
            with self._news:
                rest = self._since + _CALM_SECONDS - time.monotonic()
                if rest <= 0 and not self._under_way:
                    return True
                self._news.wait(max(rest, 0.05))

    def diagnosed(self, versions: dict[str, int], seconds: float) -> bool:
        """Wait until the server has read these versions of files, by their URI (clangd: it then knows them)."""
        return self._wait(
            lambda: all(self._diagnosed.get(uri, -1) >= version for uri, version in versions.items()), seconds
        )

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._over or done(), max(seconds, 0.0))
            return done()
