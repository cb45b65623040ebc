"""Where a definition is referred to, as a language server knows it."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from kimi_tools.clip import clip_line
from kimi_tools.errors import TimedOut, ToolError
from kimi_tools.lsp.client import Client
from kimi_tools.lsp.servers import Known, server_for
from kimi_tools.process import Launch, allowed_environment
from kimi_tools.sandbox import Place
from kimi_tools.syntax import language_of, places
from kimi_tools.workspace import Workspace

START_SECONDS = 30.0
ANSWER_SECONDS = 60.0

_CREATED, _CHANGED, _DELETED = 1, 2, 3
_REMEMBERED = 64
_SHOWN_FILES = 60


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: all references to the `name` that is defined on a line of a file.

    `version` names the state of the workspace; `changed_since` lists the files that changed after another one.
    `files` are those that mention the name: most servers know only what they were shown.
    """

    path: str
    line: int
    name: str
    version: int
    changed_since: Callable[[int], Iterable[str]]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its name, and the places as (path, 1-based line).

    `pending`: it still thinks. `lacking`: why the answer may not be whole, '' where nothing speaks against it.
    """

    server: str
    places: frozenset[tuple[str, int]]
    pending: bool = False
    lacking: str = ""

    @property
    def whole(self) -> bool:
        """Whether all files that mention the name have been seen."""
        return not self.pending and not self.lacking


@dataclass(slots=True)
class _Session:
    known: Known
    client: Client
    version: int
    opened: dict[str, tuple[int, bytes]]


_sessions: dict[tuple[int, str], _Session] = {}
_lock = threading.Lock()
_turns: dict[tuple[int, str], threading.Lock] = {}
_answers: dict[tuple[object, ...], "Future[Answer | None]"] = {}


def references(workspace: Workspace, question: Question, seconds: float) -> Answer | None:
    """All references, waiting at most so long; None when no server can tell.

    A question that takes longer goes on; asked again, it is answered from there. Blocks; call it in a thread.
    """
    language = language_of(question.path)
    if language is None or (found := server_for(language.name)) is None:
        return None
    key = (id(workspace), question.path, question.line, question.name, question.version)
    job = _answers.get(key)
    if job is None:
        while len(_answers) >= _REMEMBERED:
            _answers.pop(next(iter(_answers)))
        job = _answers[key] = Future()
        given = (job, workspace, question, *found)
        threading.Thread(target=_answer, args=given, name="lsp-ask", daemon=True).start()
    try:
        return job.result(seconds)
    except (TimeoutError, FutureTimeout):
        return Answer(found[0].name, frozenset(), pending=True)


def _answer(
    job: "Future[Answer | None]", workspace: Workspace, question: Question, known: Known, program: str
) -> None:
    with _lock:
        turn = _turns.setdefault((id(workspace), known.name), threading.Lock())
    with turn:
        try:
            job.set_result(_ask(workspace, _session(workspace, question, known, program), question))
        except ToolError:
            job.set_result(None)
        except BaseException as error:
            job.set_exception(error)
            raise


def _session(workspace: Workspace, question: Question, known: Known, program: str) -> _Session:
    key = (id(workspace), known.name)
    if (known_session := _sessions.get(key)) is not None and not known_session.client.over:
        return known_session
    cache = workspace.state / "lsp" / known.name
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = [program, *(word.replace("{cache}", str(cache)) for word in known.argv[1:])]
    folder = workspace.at
    if known.confined:
        place = Place(workspace.root, workspace.at, writable=(cache,), read_only=True)
        homes = {variable: str(cache / name) for variable, name in _HOMES.items()}
        launch = workspace.sandbox.launch(argv, place, homes)
    else:
        folder = workspace.root
        launch = Launch(argv, allowed_environment())
    client = Client(launch, str(workspace.root), _uri(folder), lambda: _drop(key))
    workspace.on_close(client.end)
    try:
        client.begin(START_SECONDS, known.options)
    except ToolError:
        client.end()
        raise
    session = _sessions[key] = _Session(known, client, question.version, {})
    return session


_HOMES = {"XDG_CACHE_HOME": "cache", "GOCACHE": "go-build", "CARGO_TARGET_DIR": "target"}
"""Where a server and what it starts keep what they made; the repository itself is read-only for them."""


def _drop(key: tuple[int, str]) -> None:
    """Forget a session that has ended; its place may hold a newer one."""
    session = _sessions.get(key)
    if session is not None and session.client.over:
        _sessions.pop(key, None)


def _base(workspace: Workspace, session: _Session) -> Path:
    return workspace.at if session.known.confined else workspace.root


def _uri(path: Path) -> str:
    return f"file://{quote(str(path))}"


def _ask(workspace: Workspace, session: _Session, question: Question) -> Answer | None:
    base = _base(workspace, session)
    _tell(workspace, session, base, question)
    lacking = _show(workspace, session, base, question)
    path, line = question.path, question.line
    data = workspace.read_bytes(path)
    column = next((column for row, column in places(path, data, question.name) if row == line), 0)
    if not column:
        return None
    before = data.split(b"\n")[line - 1][: column - 1].decode("utf-8", "replace")
    parameters = {
        "textDocument": {"uri": _uri(base / path)},
        "position": {"line": line - 1, "character": len(before.encode("utf-16-le")) // 2},
        "context": {"includeDeclaration": True},
    }
    if not _ready(session, base):
        lacking = "it has not finished reading the repository"
    try:
        found = session.client.request("textDocument/references", parameters, ANSWER_SECONDS)
    except TimedOut:
        session.client.end()  # it hangs; the next question starts another
        raise
    known = frozenset(filter(None, (_place(item, base) for item in cast(list[dict[str, Any]], found or []))))
    if trouble := session.client.activity.trouble:
        said = " ".join(trouble.split())
        lacking = f"it says: {clip_line(said, 200)}"
    return Answer(session.known.name, known, lacking=lacking) if known else None


def _ready(session: _Session, base: Path) -> bool:
    """Wait until the server's answers are to be believed; whether they are."""
    activity = session.client.activity
    match session.known.ready:
        case "answers":
            return True
        case "quiescent":
            return activity.quiescent(ANSWER_SECONDS)
        case "calm":
            return activity.calm(ANSWER_SECONDS)
        case "diagnosed":
            versions = {_uri(base / path): version for path, (version, _) in session.opened.items()}
            return activity.diagnosed(versions, ANSWER_SECONDS)


def _tell(workspace: Workspace, session: _Session, base: Path, question: Question) -> None:
    """Tell the server which files have changed since it was last asked, and what those that it was shown hold."""
    changes: list[dict[str, Any]] = []
    for path in question.changed_since(session.version):
        uri = _uri(base / path)
        if workspace.exists(path):
            changes += [{"uri": uri, "type": _CREATED}, {"uri": uri, "type": _CHANGED}]
            if path in session.opened:
                _open(workspace, session, base, path)
        else:
            changes.append({"uri": uri, "type": _DELETED})
            if session.opened.pop(path, None):
                session.client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    if changes:
        session.client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    session.version = question.version


def _show(workspace: Workspace, session: _Session, base: Path, question: Question) -> str:
    """Show the server the files that matter; why it then knows not all of them, '' where it does."""
    _open(workspace, session, base, question.path)
    if session.known.reads_all:
        return ""
    for path in question.files[:_SHOWN_FILES]:
        language = language_of(path)
        if language is not None and language.name in session.known.languages:
            _open(workspace, session, base, path)
    left = len(question.files) - _SHOWN_FILES
    return f"{left} more files mention the name, and it was not shown them" if left > 0 else ""


def _open(workspace: Workspace, session: _Session, base: Path, path: str) -> None:
    """Show the server the file as it is; a file that was opened before is told again only when it changed."""
    data = workspace.read_bytes(path)
    version, before = session.opened.get(path, (0, b""))
    if version and before == data:
        return
    uri = _uri(base / path)
    text = data.decode("utf-8", "replace")
    session.opened[path] = (version + 1, data)
    if version:
        document = {"uri": uri, "version": version + 1}
        session.client.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]}
        )
        return
    language = language_of(path)
    identifier = session.known.languages[language.name] if language else ""
    document = {"uri": uri, "languageId": identifier, "version": 1, "text": text}
    session.client.notify("textDocument/didOpen", {"textDocument": document})


def _place(item: dict[str, Any], base: Path) -> tuple[str, int] | None:
    """A location as path and line; None outside the workspace."""
    with contextlib.suppress(KeyError, ValueError, TypeError):
        file = Path(unquote(urlsplit(str(item["uri"])).path))
        return file.relative_to(base).as_posix(), int(item["range"]["start"]["line"]) + 1
    return None
