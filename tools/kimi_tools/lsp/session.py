"""One server at work on one workspace: what it was shown and told, and when it is to be believed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kimi_tools.lsp import java
from kimi_tools.lsp.client import Client
from kimi_tools.lsp.servers import Known
from kimi_tools.process import Launch, allowed_environment
from kimi_tools.sandbox import Place
from kimi_tools.syntax import language_of
from kimi_tools.workspace import Workspace

START_SECONDS = 30.0
ANSWER_SECONDS = 60.0

_CREATED, _CHANGED, _DELETED = 1, 2, 3
_SHOWN_FILES = 60
_HOMES = {"XDG_CACHE_HOME": "cache", "GOCACHE": "go-build", "CARGO_TARGET_DIR": "target"}
"""Where a server and what it starts keep what they made; the repository itself is read-only for them."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: all references to the `name` that is defined on a line of a file.

    `version` names the state of the workspace; `changed_since` lists the files that changed after another one,
    all that there are after 0. `files` are those that mention the name: most servers know only what they were
    shown.
    """

    path: str
    line: int
    name: str
    version: int
    changed_since: Callable[[int], Iterable[str]]
    files: tuple[str, ...] = ()


class Session:
    """A running server that knows its workspace. One thread at a time asks. Raises `ToolError` when it fails."""

    def __init__(self, workspace: Workspace, known: Known, program: str, question: Question) -> None:
        self.known = known
        self.base = workspace.at if known.confined else workspace.root
        self._workspace = workspace
        self._version = question.version
        self._opened: dict[str, tuple[int, bytes]] = {}
        self._project = _project(workspace, known, question)
        cache = workspace.state / "lsp" / known.name
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.base
        if self._project is not None:
            folder = cache / "project"
            java.write(self._project, self.base, folder)
        launch = _launch(workspace, known, program, cache)
        self.client = Client(launch, str(workspace.root), uri(folder))

    def begin(self) -> None:
        """Shake hands."""
        self.client.begin(START_SECONDS, self.known.options)

    def still_fits(self, question: Question) -> bool:
        """Whether it runs, and what it was started with is still so."""
        if self.client.over:
            return False
        same = self._project is None or question.version == self._version
        return same or self._project == _project(self._workspace, self.known, question)

    def show(self, question: Question) -> str:
        """Show the server what the question is about; why it then knows not all of it, '' where it does."""
        self._tell(question)
        self._open(question.path)
        if self._project is not None:
            return self._project.lacking(self._workspace, question.files)
        if self.known.reads_all:
            return ""
        for path in question.files[:_SHOWN_FILES]:
            language = language_of(path)
            if language is not None and language.name in self.known.languages:
                self._open(path)
        left = len(question.files) - _SHOWN_FILES
        return f"{left} more files mention the name, and it was not shown them" if left > 0 else ""

    def ready(self) -> bool:
        """Wait until the server's answers are to be believed; whether they are."""
        activity = self.client.activity
        match self.known.ready:
            case "answers":
                return True
            case "quiescent":
                return activity.quiescent(ANSWER_SECONDS)
            case "serving":
                return activity.serving(ANSWER_SECONDS)
            case "diagnosed":
                versions = {uri(self.base / path): version for path, (version, _) in self._opened.items()}
                return activity.diagnosed(versions, ANSWER_SECONDS)

    def _tell(self, question: Question) -> None:
        """Tell which files have changed since it was last asked, and what those that it was shown hold."""
        changes: list[dict[str, Any]] = []
        for path in question.changed_since(self._version):
            place = uri(self.base / path)
            if self._workspace.exists(path):
                changes += [{"uri": place, "type": _CREATED}, {"uri": place, "type": _CHANGED}]
                if path in self._opened:
                    self._open(path)
            else:
                changes.append({"uri": place, "type": _DELETED})
                if self._opened.pop(path, None):
                    self.client.notify("textDocument/didClose", {"textDocument": {"uri": place}})
        if changes:
            self.client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        self._version = question.version

    def _open(self, path: str) -> None:
        """Show the file as it is; one that was opened before is told again only when it changed."""
        data = self._workspace.read_bytes(path)
        version, before = self._opened.get(path, (0, b""))
        if version and before == data:
            return
        text = data.decode("utf-8", "replace")
        self._opened[path] = (version + 1, data)
        if version:
            document: dict[str, Any] = {"uri": uri(self.base / path), "version": version + 1}
            change = {"textDocument": document, "contentChanges": [{"text": text}]}
            self.client.notify("textDocument/didChange", change)
            return
        language = language_of(path)
        identifier = self.known.languages[language.name] if language else ""
        document = {"uri": uri(self.base / path), "languageId": identifier, "version": 1, "text": text}
        self.client.notify("textDocument/didOpen", {"textDocument": document})


def _project(workspace: Workspace, known: Known, question: Question) -> java.Project | None:
    if not known.needs_project:
        return None
    return java.project_of(workspace, {question.path, *question.files, *question.changed_since(0)})


def _launch(workspace: Workspace, known: Known, program: str, cache: Path) -> Launch:
    argv = [program, *(word.replace("{cache}", str(cache)) for word in known.argv[1:])]
    if not known.confined:
        return Launch(argv, allowed_environment())
    place = Place(workspace.root, workspace.at, writable=(cache,), read_only=True)
    homes = {variable: str(cache / name) for variable, name in _HOMES.items()}
    return workspace.sandbox.launch(argv, place, {**homes, **known.environment})


def uri(path: Path) -> str:
    """A file as the protocol names it."""
    return f"file://{quote(str(path))}"
