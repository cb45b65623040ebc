"""The agent's side of an ACP connection: sessions and what can be chosen in them. Turns are `turn`'s.

What needs the agent (`turn`, `history`) is imported when a session is open, so that it opens at once.
"""

import asyncio
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from acp import RequestError, helpers, schema
from acp.interfaces import Client

from kimi_mcp.acp import options, snapshot
from kimi_mcp.acp.content import said
from kimi_mcp.acp.session import Ordering, Session, opened
from kimi_mcp.acp.store import Sessions, Stored
from kimi_mcp.acp.updates import META
from kimi_tools.errors import ToolError

PAGE = 100
"""Sessions in one answer of `session/list`."""

STEER = "kimi-mcp/steer"
"""Our extension (`_kimi-mcp/steer` on the wire): `sessionId` and `text`, read before the next answer."""

DELETE = "kimi-mcp/delete"
"""`_kimi-mcp/delete` with a `sessionId`: the session and its runs, for good. The protocol's own `session/delete`,
to which the SDK (0.12.1) has no way yet, comes here too: `serving` renames it."""

WARM_SECONDS = 0.1
"""After a session is opened, until the agent is imported beside it."""


class Face:
    """Implements `acp.Agent`; one per connection."""

    def __init__(self, ordering: Ordering) -> None:
        self._ordering = ordering
        self._sessions = Sessions(ordering.state)
        self._open: dict[str, Session] = {}
        self._can: schema.ClientCapabilities | None = None
        self._connection: Client | None = None
        self._warmed: asyncio.Task[None] | None = None

    @property
    def _client(self) -> Client:
        if self._connection is None:
            raise RequestError.internal_error({"connection": "there is none"})
        return self._connection

    def on_connect(self, conn: Client) -> None:
        """The connection to the editor is there."""
        self._connection = conn

    async def initialize(
        self, protocol_version: int, client_capabilities: Any = None, client_info: Any = None, **kwargs: Any
    ) -> schema.InitializeResponse:
        """What we speak and can. Most editors have had this from `greeting` already."""
        self._can = client_capabilities
        return snapshot.hello()

    def greeted(self, client: schema.InitializeRequest) -> None:
        """The editor has been greeted; this is what it said."""
        self._can = client.client_capabilities

    async def new_session(
        self, cwd: str, additional_directories: Any = None, mcp_servers: Any = None, **kwargs: Any
    ) -> schema.NewSessionResponse:
        """A session in a directory."""
        session = self._opened(self._sessions.new(_directory(cwd)), mcp_servers)
        await self._announce(session)
        return schema.NewSessionResponse(session_id=session.stored.id, **self._chosen(session))

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: Any = None,
        additional_directories: Any = None,
        **kwargs: Any,
    ) -> schema.LoadSessionResponse:
        """An earlier session, its history told again."""
        from kimi_mcp.acp.history import retold

        session = await self._reopened(session_id, mcp_servers)
        async for update in retold(session.stored, self._ordering.state):
            await self._send(session, update)
        await self._announce(session)
        return schema.LoadSessionResponse(**self._chosen(session))

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: Any = None,
        mcp_servers: Any = None,
        **kwargs: Any,
    ) -> schema.ResumeSessionResponse:
        """An earlier session, without its history."""
        session = await self._reopened(session_id, mcp_servers)
        await self._announce(session)
        return schema.ResumeSessionResponse(**self._chosen(session))

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: Any = None,
        mcp_servers: Any = None,
        **kwargs: Any,
    ) -> schema.ForkSessionResponse:
        """A session that goes on from where another is; the files are the same, and so is their undo."""
        from kimi_mcp.acp.history import copied_runs

        origin = self._session(session_id).stored
        runs = copied_runs(origin, self._ordering.state)
        stored = self._sessions.new(origin.cwd)
        kept = origin.model_copy(update={"id": stored.id, "created": stored.created, "runs": runs})
        session = self._opened(self._sessions.keep(kept), mcp_servers)
        await self._announce(session)
        return schema.ForkSessionResponse(session_id=session.stored.id, **self._chosen(session))

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **kwargs: Any
    ) -> schema.ListSessionsResponse:
        """The sessions that have begun, newest first."""
        found = self._sessions.every(Path(cwd) if cwd else None)
        start = int(cursor) if cursor and cursor.isdecimal() else 0
        more = start + PAGE < len(found)
        return schema.ListSessionsResponse(
            sessions=[
                schema.SessionInfo(
                    session_id=stored.id,
                    cwd=str(stored.cwd),
                    title=stored.title or None,
                    updated_at=datetime.fromtimestamp(stored.created, UTC).isoformat(timespec="seconds"),
                )
                for stored in found[start : start + PAGE]
            ],
            next_cursor=str(start + PAGE) if more else None,
        )

    async def close_session(self, session_id: str, **kwargs: Any) -> schema.CloseSessionResponse:
        """The editor is done with a session; it can be loaded again later."""
        if session := self._open.pop(session_id, None):
            await session.close()
        return schema.CloseSessionResponse()

    async def set_session_mode(
        self, session_id: str, mode_id: str, **kwargs: Any
    ) -> schema.SetSessionModeResponse:
        """Code, ask or plan; holds from the next turn on."""
        if mode_id not in options.LEAVES:
            raise RequestError.invalid_params({"modeId": f"one of {', '.join(options.LEAVES)}"})
        session = self._session(session_id)
        self._change(session, leave=mode_id)
        found = options.config(session.stored, self._ordering.model)
        update = schema.ConfigOptionUpdate(session_update="config_option_update", config_options=found)
        await self._send(session, update)
        return schema.SetSessionModeResponse()

    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **kwargs: Any
    ) -> schema.SetSessionConfigOptionResponse:
        """The mode, how much it thinks, which model, where `/fix` works; holds from the next turn on."""
        session = self._session(session_id)
        leave = session.stored.leave
        try:
            self._change(session, **options.changed(config_id, value))
        except ValueError as error:
            raise RequestError.invalid_params({"value": str(error)}) from None
        if session.stored.leave != leave:
            mode = schema.CurrentModeUpdate(
                session_update="current_mode_update", current_mode_id=session.stored.leave
            )
            await self._send(session, mode)
        found = options.config(session.stored, self._ordering.model)
        return schema.SetSessionConfigOptionResponse(config_options=found)

    async def authenticate(self, method_id: str, **kwargs: Any) -> schema.AuthenticateResponse:
        """Keys come from the user's environment; there is nothing to do."""
        return schema.AuthenticateResponse()

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        """End the turn under way; its prompt is answered with `cancelled`."""
        if session := self._open.get(session_id):
            session.stop()

    async def prompt(self, session_id: str, prompt: list[Any], **kwargs: Any) -> schema.PromptResponse:
        """One turn: to its end, or until it is cancelled."""
        from kimi_mcp.acp.turn import Turn

        session = self._session(session_id)
        if session.turn:
            raise RequestError.invalid_params({"session": "a turn is under way; cancel it first"})
        heard = said(prompt)
        for sentence in heard.refused:
            await self._send(session, helpers.update_agent_message_text(f"{sentence}\n"))
        if heard.refused and not (heard.text or heard.images):
            return schema.PromptResponse(stop_reason="end_turn")
        command, rest = options.command(heard.text)
        titled = bool(session.stored.title)
        turn = Turn(session, self._sessions, self._ordering, self._client, _named(kwargs.get(META)))
        session.stopping = session.at_work = False
        session.turn = asyncio.create_task(turn.take(command, rest, heard.images))
        await asyncio.wait({session.turn})
        ended, session.turn = session.turn, None
        reason = "cancelled" if ended.cancelled() else ended.result()
        if session.stored.title and not titled:
            title = schema.SessionInfoUpdate(session_update="session_info_update", title=session.stored.title)
            await self._send(session, title)
        return schema.PromptResponse(stop_reason=reason)

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Steering a turn under way; deleting a session."""
        if method == DELETE:
            return await self._delete(str(params.get("sessionId")))
        if method != STEER:
            raise RequestError.method_not_found(method)
        session, text = self._open.get(str(params.get("sessionId"))), params.get("text")
        if session is None or not session.turn or not isinstance(text, str) or not text.strip():
            raise RequestError.invalid_params({"sessionId": "needs a session at work, and text to say to it"})
        session.inbox.say(text)
        return {}

    async def _delete(self, session_id: str) -> dict[str, Any]:
        """End the session, and forget it with its runs; one that is not there is forgotten already."""
        from kimi_mcp.acp.history import runs_of

        await self.close_session(session_id)
        try:
            stored = self._sessions.find(session_id)
        except ToolError:
            return {}
        runs = runs_of(stored, self._ordering.state)
        if any(folder.is_at_work() for folder in runs):
            raise RequestError.invalid_params({"session": "another process works on it"})
        await asyncio.to_thread(lambda: [folder.remove() for folder in runs])
        self._sessions.remove(session_id)
        return {}

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """We have none."""

    async def close(self) -> None:
        """The editor has gone: end the turns, each with its best patch, and the MCP servers."""
        sessions = list(self._open.values())
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)

    def _chosen(self, session: Session) -> dict[str, Any]:
        """What every answer to an opened session holds."""
        return {
            "modes": options.modes(session.stored),
            "config_options": options.config(session.stored, self._ordering.model),
        }

    async def _announce(self, session: Session) -> None:
        self._warmed = self._warmed or asyncio.create_task(_warmed())
        await self._send(session, helpers.update_available_commands(options.commands()))

    async def _send(self, session: Session, update: Any) -> None:
        await self._client.session_update(session.stored.id, update)

    def _change(self, session: Session, **changes: Any) -> None:
        session.stored = self._sessions.keep(session.stored.model_copy(update=changes))

    def _opened(self, stored: Stored, servers: Any = None) -> Session:
        try:
            self._open[stored.id] = opened(stored, self._client, self._can, servers)
        except ValueError as error:
            raise RequestError.invalid_params({"mcpServers": str(error)}) from None
        return self._open[stored.id]

    async def _reopened(self, session_id: str, servers: Any) -> Session:
        stored = self._found(session_id)
        if old := self._open.pop(session_id, None):
            await old.close()
        return self._opened(stored, servers)

    def _found(self, session_id: str) -> Stored:
        try:
            return self._sessions.find(session_id)
        except ToolError as error:
            raise RequestError.invalid_params({"sessionId": str(error)}) from None

    def _session(self, session_id: str) -> Session:
        return self._open.get(session_id) or self._opened(self._found(session_id))


def _named(meta: Any) -> list[str]:
    """The files that an editor of ours says are open: `_meta["kimi-mcp"]["open"]` of a prompt."""
    found: Any = cast(dict[str, Any], meta).get("open") if isinstance(meta, dict) else None
    return (
        [path for path in cast(list[Any], found) if isinstance(path, str)] if isinstance(found, list) else []
    )


async def _warmed() -> None:
    """Import what the first turn needs while the user types; the answer to the editor goes out before."""
    await asyncio.sleep(WARM_SECONDS)
    for name in ("kimi_mcp.acp.turn", "openai"):
        await asyncio.to_thread(import_module, name)


def _directory(cwd: str) -> Path:
    root = Path(cwd)
    if not root.is_absolute() or not root.is_dir():
        raise RequestError.invalid_params({"cwd": "must be an absolute path of a directory"})
    return root
