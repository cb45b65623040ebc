"""Where a definition is referred to, as a language server knows it."""

import contextlib
import threading
import time
import weakref
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from kimi_tools.clip import clip_line
from kimi_tools.errors import TimedOut, ToolError, Unavailable
from kimi_tools.lsp.servers import Known, server_for
from kimi_tools.lsp.session import ANSWER_SECONDS, Question, Session, uri
from kimi_tools.syntax import language_of, places
from kimi_tools.workspace import Workspace

_REMEMBERED = 64
_TRIES = 8
_PAUSE_SECONDS = 0.3
_AGAIN_SECONDS = 60.0
"""A server that did not start is not tried again so long: every question would wait for it in vain."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its name, and the places as (path, 1-based line).

    `pending`: it still thinks. `lacking`: why the answer may not be whole, '' where nothing speaks against it.
    `failed`: why there is no answer at all, '' where there is one.
    """

    server: str
    places: frozenset[tuple[str, int]] = frozenset()
    pending: bool = False
    lacking: str = ""
    failed: str = ""

    @property
    def whole(self) -> bool:
        """Whether all files that mention the name have been seen."""
        return not (self.pending or self.lacking or self.failed)


def references(workspace: Workspace, question: Question, seconds: float) -> Answer | None:
    """All references, waiting at most so long; None when no server is installed, or it knows nothing of the name.

    A question that takes longer goes on; asked again, it is answered from there. Blocks; call it in a thread.
    """
    language = language_of(question.path)
    if language is None or (found := server_for(language.name)) is None:
        return None
    with _lock:
        servers = _servers.get(workspace)
        if servers is None:
            servers = _servers[workspace] = _Servers()
            workspace.on_close(servers.close)
    return servers.references(workspace, question, found, seconds)


class _Servers:
    """The servers of one workspace, and what they were asked."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._answers: dict[tuple[object, ...], Future[Answer | None]] = {}
        self._misfires: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def references(
        self, workspace: Workspace, question: Question, found: tuple[Known, str], seconds: float
    ) -> Answer | None:
        key = (question.path, question.line, question.name, question.version)
        with self._lock:
            job = self._answers.get(key)
            if job is None:
                while len(self._answers) >= _REMEMBERED:
                    self._answers.pop(next(iter(self._answers)))
                job = self._answers[key] = Future()
                given = (job, workspace, question, *found)
                threading.Thread(target=self._answer, args=given, name="lsp-ask", daemon=True).start()
        try:
            answer = job.result(seconds)
        except (TimeoutError, FutureTimeout):
            return Answer(found[0].name, pending=True)
        if answer is not None and answer.failed:
            with self._lock:
                self._answers.pop(key, None)  # the next who asks may have more luck
        return answer

    def _answer(
        self,
        job: "Future[Answer | None]",
        workspace: Workspace,
        question: Question,
        known: Known,
        program: str,
    ) -> None:
        with self._lock:
            turn = self._turns.setdefault(known.name, threading.Lock())
        with turn:
            try:
                session = self._session(workspace, question, known, program)
                job.set_result(_ask(workspace, session, question))
            except ToolError as error:
                job.set_result(Answer(known.name, failed=str(error)))
            except BaseException as error:
                job.set_exception(error)
                raise

    def _session(self, workspace: Workspace, question: Question, known: Known, program: str) -> Session:
        misfire = self._misfires.get(known.name)
        if misfire is not None and time.monotonic() < misfire[0] + _AGAIN_SECONDS:
            raise Unavailable(misfire[1])
        before = self._sessions.get(known.name)
        if before is not None:
            if before.still_fits(question):
                return before
            before.client.end()
        session = Session(workspace, known, program, question)
        with self._lock:
            closed = self._closed
            self._sessions[known.name] = session
        if closed:
            session.client.end()
            raise Unavailable("The workspace has been closed.")
        try:
            session.begin()
        except ToolError as error:
            session.client.end()
            self._misfires[known.name] = (time.monotonic(), str(error))
            raise
        return session

    def close(self) -> None:
        """End them all; none is started any more."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
        for session in sessions:
            session.client.end()


_servers: weakref.WeakKeyDictionary[Workspace, _Servers] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _ask(workspace: Workspace, session: Session, question: Question) -> Answer | None:
    lacking = session.show(question)
    path, line = question.path, question.line
    data = workspace.read_bytes(path)
    column = next((column for row, column in places(path, data, question.name) if row == line), 0)
    if not column:
        return None
    before = data.split(b"\n")[line - 1][: column - 1].decode("utf-8", "replace")
    position = {"line": line - 1, "character": len(before.encode("utf-16-le")) // 2}
    if not session.ready():
        lacking = "it has not finished reading the repository"
    for _ in range(_TRIES):
        found = _found(session, path, position)
        if not found or any(_starts(item, uri(session.base / path), position) for item in found):
            break
        time.sleep(_PAUSE_SECONDS)
    else:
        raise Unavailable("It named other places than the one that it was asked about.")
    known = frozenset(filter(None, (_place(item, session.base) for item in found)))
    if trouble := session.client.activity.trouble:
        said = " ".join(trouble.split())
        lacking = f"it says: {clip_line(said, 200)}"
    if not known:
        return Answer(session.known.name, failed=f"{lacking}.") if lacking else None
    return Answer(session.known.name, known, lacking=lacking)


def _found(session: Session, path: str, position: dict[str, int]) -> list[object]:
    """The locations that the server names for what stands at a position."""
    parameters = {
        "textDocument": {"uri": uri(session.base / path)},
        "position": position,
        "context": {"includeDeclaration": True},
    }
    try:
        found = session.client.request("textDocument/references", parameters, ANSWER_SECONDS)
    except TimedOut:
        session.client.end()  # it hangs; the next question starts another
        raise
    return cast(list[object], found) if isinstance(found, list) else []


def _starts(item: object, document: str, position: dict[str, int]) -> bool:
    """Whether a location begins at a position; an answer about something else has none that does.

    jdtls takes a changed file in a moment after it was told, and answers meanwhile about what stood there before.
    """
    with contextlib.suppress(KeyError, TypeError):
        location = cast(dict[str, Any], item)
        return unquote(location["uri"]) == unquote(document) and location["range"]["start"] == position
    return False


def _place(item: object, base: Path) -> tuple[str, int] | None:
    """A location as path and line; None outside the workspace."""
    with contextlib.suppress(KeyError, ValueError, TypeError):
        location = cast(dict[str, Any], item)
        file = Path(unquote(urlsplit(str(location["uri"])).path))
        return file.relative_to(base).as_posix(), int(location["range"]["start"]["line"]) + 1
    return None
