"""What a language server says of itself while it reads a repository: when it knows enough to be believed."""

import threading
from collections.abc import Callable
from typing import Any, cast


class Activity:
    """One server's notifications, kept up to date by the thread that listens to it."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._under_way: dict[str, str] = {}
        self._status: dict[str, Any] = {}
        self._service_ready = False
        self._failed = ""
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
                self._service_status(str(parameters.get("type")), str(parameters.get("message")))
            elif method == "textDocument/publishDiagnostics":
                version = parameters.get("version")
                self._diagnosed[str(parameters.get("uri"))] = version if isinstance(version, int) else 0
            self._news.notify_all()

    def _progress(self, token: str, value: object) -> None:
        report = cast(dict[str, object], value) if isinstance(value, dict) else {}
        if report.get("kind") == "begin":
            self._under_way[token] = f"{report.get('title')}: {report.get('message', '')}".rstrip(": ")
        elif report.get("kind") == "end":
            self._under_way.pop(token, None)

    def _service_status(self, kind: str, message: str) -> None:
        """jdtls says `Starting` again and again, then `ServiceReady`; `Error` when it cannot start at all."""
        self._service_ready |= kind == "ServiceReady"
        if kind == "Error":
            self._failed = message

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
            if self._failed:
                return self._failed
            return next((title for title in self._under_way.values() if title.startswith("Error")), "")

    def quiescent(self, seconds: float) -> bool:
        """Wait until the server says that it has nothing left to do (rust-analyzer's serverStatus)."""
        return self._wait(lambda: bool(self._status.get("quiescent")), seconds)

    def serving(self, seconds: float) -> bool:
        """Wait until the server says that its service is ready (jdtls: it has imported the project)."""
        return self._wait(lambda: self._service_ready or bool(self._failed), seconds) and not self.trouble

    def diagnosed(self, versions: dict[str, int], seconds: float) -> bool:
        """Wait until the server has read these versions of files, by their URI (clangd: it then knows them)."""
        return self._wait(
            lambda: all(self._diagnosed.get(uri, -1) >= version for uri, version in versions.items()), seconds
        )

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._over or done(), max(seconds, 0.0))
            return done()
