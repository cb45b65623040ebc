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

from kimi_tools.errors import ToolError
from kimi_tools.lsp.client import Client
from kimi_tools.lsp.servers import Known, server_for
from kimi_tools.process import Launch, allowed_environment
from kimi_tools.sandbox import Place
from kimi_tools.syntax import language_of, places
from kimi_tools.workspace import Workspace

START_SECONDS = 30.0
ANSWER_SECONDS = 60.0

_CHANGED = 2
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

    `pending`: it still thinks. `whole`: it has seen every file that mentions the name.
    """

    server: str
    places: frozenset[tuple[str, int]]
    pending: bool = False
    whole: bool = True


@dataclass(slots=True)
class _Session:
    known: Known
    client: Client
    version: int
    opened: dict[str, tuple[int, bytes]]


_sessions: dict[tuple[int, str], _Session] = {}
_lock = threading.Lock()
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
    argv = [program, *known.argv[1:]]
    folder = workspace.at
    if known.confined:
        launch = workspace.sandbox.launch(argv, Place(workspace.root, workspace.at), {})
    else:
        folder = workspace.root
        launch = Launch(argv, allowed_environment())
    client = Client(launch, str(workspace.root), _uri(folder), lambda: _drop(key))
    workspace.on_close(client.end)
    try:
        client.begin(START_SECONDS)
    except ToolError:
        client.end()
        raise
    session = _sessions[key] = _Session(known, client, question.version, {})
    return session


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
    path, line = question.path, question.line
    if changed := list(question.changed_since(session.version)):
        told = [{"uri": _uri(base / item), "type": _CHANGED} for item in changed]
        session.client.notify("workspace/didChangeWatchedFiles", {"changes": told})
    session.version = question.version
    whole = _show(workspace, session, base, question)
    data = workspace.read_bytes(path)
    column = next((column for row, column in places(path, data, question.name) if row == line), 0)
    if not column:
        return None
    before = data.split(b"\n")[line - 1][: column - 1].decode("utf-8", "replace")
    position = {"line": line - 1, "character": len(before.encode("utf-16-le")) // 2}
    parameters = {
        "textDocument": {"uri": _uri(base / path)},
        "position": position,
        "context": {"includeDeclaration": True},
    }
    found = session.client.request("textDocument/references", parameters, ANSWER_SECONDS)
    items = cast(list[dict[str, Any]], found or [])
    known = frozenset(filter(None, (_place(item, base) for item in items)))
    return Answer(session.known.name, known, whole=whole) if known else None


def _show(workspace: Workspace, session: _Session, base: Path, question: Question) -> bool:
    """Show the server the files that matter; whether it then knows all of them."""
    _open(workspace, session, base, question.path)
    if session.known.reads_all:
        return True
    for path in question.files[:_SHOWN_FILES]:
        language = language_of(path)
        if language is not None and language.name in session.known.languages:
            _open(workspace, session, base, path)
    return len(question.files) <= _SHOWN_FILES


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
