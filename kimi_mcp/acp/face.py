"""The agent's side of an ACP connection."""

import base64
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from acp import RequestError, helpers, schema
from acp.interfaces import Client
from pydantic import SecretStr

from kimi_mcp.acp.store import Leave, Sessions, Stored
from kimi_mcp.acp.updates import Updates
from kimi_mcp.agent import events as ev
from kimi_mcp.agent.events import Mode, Protocol
from kimi_mcp.agent.watch import Inbox
from kimi_mcp.model.errors import ModelError
from kimi_mcp.model.messages import Image
from kimi_mcp.runs.folder import RunFolder, create, find
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import connecting, work
from kimi_tools import policy
from kimi_tools.errors import ToolError

LEAVES: dict[Leave, tuple[str, str]] = {
    "code": ("Code", "Edits files and runs commands in the sandbox"),
    "ask": ("Ask", "Answers from the code; changes nothing"),
}
MODES: dict[Mode, str] = {
    "thinking": "Thinks between calls",
    "instant": "Answers at once, without thinking",
    "agent": "Thinks, and may hand work to helpers",
}
COMMANDS = {
    "fix": ("Resolve an issue: reproduce, fix, test, submit with evidence", "the issue"),
    "review": ("Review the uncommitted changes as a maintainer would", ""),
    "test": ("Run the tests around the uncommitted changes and explain failures", ""),
    "cost": ("What this session has used", ""),
}
PROMPTS = {
    "review": "Review the uncommitted changes (git diff) as a maintainer would: correctness, edge cases, tests, "
    "leftovers. Change nothing. {}",
    "test": "Run the tests around the uncommitted changes; explain each failure and where it comes from. {}",
}


@dataclass(frozen=True, slots=True)
class Ordering:
    """What the command line gives: how a run is ordered, where state is kept, and the key.

    `order` takes text, images, root, protocol, mode and whether nothing may change. `key` raises `ModelError`
    when there is none.
    """

    state: Path
    order: Callable[[str, tuple[Image, ...], Path, Protocol, Mode, bool], Request]
    key: Callable[[], SecretStr | None]


@dataclass(slots=True)
class Session:
    """A session in this process."""

    stored: Stored
    inbox: Inbox = field(default_factory=Inbox)
    busy: bool = False
    used: ev.Outcome | None = None


class Face:
    """Implements `acp.Agent`; one per connection."""

    def __init__(self, ordering: Ordering) -> None:
        self._ordering = ordering
        self._sessions = Sessions(ordering.state)
        self._open: dict[str, Session] = {}
        self._client: Client | None = None

    def on_connect(self, conn: Client) -> None:
        """The connection to the editor is there."""
        self._client = conn

    async def initialize(
        self, protocol_version: int, client_capabilities: Any = None, client_info: Any = None, **kwargs: Any
    ) -> schema.InitializeResponse:
        """What we speak and can."""
        return schema.InitializeResponse(
            protocol_version=1,
            agent_info=schema.Implementation(name="kimi-mcp", title="Kimi", version=version("kimi-mcp")),
            agent_capabilities=schema.AgentCapabilities(
                load_session=True,
                prompt_capabilities=schema.PromptCapabilities(image=True, embedded_context=True),
                session_capabilities=schema.SessionCapabilities(
                    list=schema.SessionListCapabilities(),
                    resume=schema.SessionResumeCapabilities(),
                    close=schema.SessionCloseCapabilities(),
                ),
            ),
        )

    async def new_session(
        self, cwd: str, additional_directories: Any = None, mcp_servers: Any = None, **kwargs: Any
    ) -> schema.NewSessionResponse:
        """A session in a directory."""
        root = Path(cwd)
        if not root.is_absolute() or not root.is_dir():
            raise RequestError.invalid_params({"cwd": "must be an absolute path of a directory"})
        session = self._opened(self._sessions.new(root))
        await self._announce(session)
        return schema.NewSessionResponse(
            session_id=session.stored.id,
            modes=_modes(session.stored),
            config_options=_options(session.stored),
        )

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: Any = None,
        additional_directories: Any = None,
        **kwargs: Any,
    ) -> schema.LoadSessionResponse:
        """An earlier session, its history told again."""
        session = self._opened(self._found(session_id))
        for name in session.stored.runs:
            updates = Updates(session.stored.cwd, replaying=True)
            for event in find(self._ordering.state, name).events():
                for update in updates.of(event):
                    await self._send(session, update)
        await self._announce(session)
        return schema.LoadSessionResponse(
            modes=_modes(session.stored), config_options=_options(session.stored)
        )

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: Any = None,
        mcp_servers: Any = None,
        **kwargs: Any,
    ) -> schema.ResumeSessionResponse:
        """An earlier session, without its history."""
        session = self._opened(self._found(session_id))
        await self._announce(session)
        return schema.ResumeSessionResponse(
            modes=_modes(session.stored), config_options=_options(session.stored)
        )

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: Any = None,
        mcp_servers: Any = None,
        **kwargs: Any,
    ) -> schema.ForkSessionResponse:
        """Not offered."""
        raise RequestError.method_not_found("session/fork")

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **kwargs: Any
    ) -> schema.ListSessionsResponse:
        """The sessions that have begun, newest first."""
        found = self._sessions.every(Path(cwd) if cwd else None)
        return schema.ListSessionsResponse(
            sessions=[
                schema.SessionInfo(session_id=stored.id, cwd=str(stored.cwd), title=stored.title or None)
                for stored in found[:200]
            ]
        )

    async def close_session(self, session_id: str, **kwargs: Any) -> schema.CloseSessionResponse:
        """The editor is done with a session; it can be loaded again later."""
        if session := self._open.pop(session_id, None):
            session.inbox.stop("The session was closed.")
        return schema.CloseSessionResponse()

    async def set_session_mode(
        self, session_id: str, mode_id: str, **kwargs: Any
    ) -> schema.SetSessionModeResponse:
        """Ask or code."""
        if mode_id not in LEAVES:
            raise RequestError.invalid_params({"modeId": f"one of {', '.join(LEAVES)}"})
        self._change(self._session(session_id), leave=mode_id)
        return schema.SetSessionModeResponse()

    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **kwargs: Any
    ) -> schema.SetSessionConfigOptionResponse:
        """The one option: how much it thinks."""
        if config_id != "thinking" or value not in MODES:
            raise RequestError.invalid_params({"value": f"thinking is one of {', '.join(MODES)}"})
        session = self._session(session_id)
        self._change(session, mode=value)
        return schema.SetSessionConfigOptionResponse(config_options=_options(session.stored))

    async def authenticate(self, method_id: str, **kwargs: Any) -> schema.AuthenticateResponse:
        """Keys come from the user's environment; there is nothing to do."""
        return schema.AuthenticateResponse()

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        """End the turn under way; its prompt is answered with `cancelled`."""
        if session := self._open.get(session_id):
            session.inbox.stop()

    async def prompt(self, session_id: str, prompt: list[Any], **kwargs: Any) -> schema.PromptResponse:
        """One turn: to its end, or until it is cancelled."""
        session = self._session(session_id)
        if session.busy:
            raise RequestError.invalid_params({"session": "a turn is under way; cancel it first"})
        text, images = _said(prompt)
        command, rest = _command(text)
        if command == "cost":
            await self._send(session, helpers.update_agent_message_text(self._cost(session)))
            return schema.PromptResponse(stop_reason="end_turn")
        session.busy = True
        session.inbox = Inbox()
        try:
            return await self._turn(session, command, PROMPTS.get(command, "{}").format(rest), images)
        finally:
            session.busy = False

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """We have no extensions."""
        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """We have no extensions."""

    async def _turn(
        self, session: Session, command: str, text: str, images: tuple[Image, ...]
    ) -> schema.PromptResponse:
        try:
            folder = self._run_of(session, command, text, images)
            updates = Updates(session.stored.cwd)
            connect = connecting(folder, self._ordering.key())
            outcome: ev.Outcome | None = None
            with policy.asking(lambda request: self._asked(session, request)):
                async with aclosing(work(folder, connect, session.inbox)) as events:
                    async for event in events:
                        for update in updates.of(event):
                            await self._send(session, update)
                        if isinstance(event, ev.Ended):
                            outcome = event.outcome
        except (ToolError, ModelError) as error:
            await self._send(session, helpers.update_agent_message_text(str(error)))
            return schema.PromptResponse(stop_reason="end_turn")
        session.used = outcome
        return schema.PromptResponse(stop_reason=await self._stop_reason(session, outcome))

    def _run_of(self, session: Session, command: str, text: str, images: tuple[Image, ...]) -> RunFolder:
        """The run that this turn goes on with, or a new one: the session's first, or an issue's own."""
        stored = session.stored
        if stored.runs and command != "fix":
            session.inbox.say(text, images)
            return find(self._ordering.state, stored.runs[-1])
        protocol: Protocol = "issue" if command == "fix" else "chat"
        request = self._ordering.order(text, images, stored.cwd, protocol, stored.mode, stored.leave == "ask")
        folder = create(self._ordering.state, request)
        title = stored.title or " ".join(text.split())[:80]
        session.stored = self._sessions.keep(
            stored.model_copy(update={"runs": (*stored.runs, folder.id), "title": title})
        )
        return folder

    async def _stop_reason(self, session: Session, outcome: ev.Outcome | None) -> schema.StopReason:
        if session.inbox.stopping or (outcome and outcome.status == "cancelled"):
            return "cancelled"
        if outcome is not None and outcome.status in ("limit", "stuck"):
            await self._send(session, helpers.update_agent_message_text(f"\n{outcome.reason}"))
            return "max_turn_requests"
        if outcome is not None and outcome.status in ("model_failed", "crashed"):
            await self._send(session, helpers.update_agent_message_text(f"\n{outcome.reason}"))
        return "end_turn"

    async def _asked(self, session: Session, request: policy.Request) -> bool:
        """Put an effect that needs leave before the user."""
        if self._client is None:
            return False
        options = [
            schema.PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
            schema.PermissionOption(option_id="no", name="Refuse", kind="reject_once"),
        ]
        text = helpers.tool_content(helpers.text_block(policy.visible(request.content or request.sentence)))
        call = schema.ToolCallUpdate(
            tool_call_id=f"leave.{request.digest[:12]}",
            title=policy.visible(request.sentence),
            kind="other",
            status="pending",
            content=[text],
        )
        answer = await self._client.request_permission(session.stored.id, call, options)
        chosen = answer.outcome
        return isinstance(chosen, schema.AllowedOutcome) and chosen.option_id == "yes"

    def _cost(self, session: Session) -> str:
        used = session.used
        if used is None:
            return "Nothing yet."
        return (
            f"{used.steps} steps, {used.prompt_tokens:,} prompt tokens ({used.cached_tokens:,} cached), "
            f"{used.completion_tokens:,} answer tokens, ${used.cost:.3f}, {used.seconds:.0f} s"
        )

    async def _announce(self, session: Session) -> None:
        commands = [
            schema.AvailableCommand(
                name=name,
                description=description,
                input=schema.AvailableCommandInput(root=schema.UnstructuredCommandInput(hint=hint))
                if hint
                else None,
            )
            for name, (description, hint) in COMMANDS.items()
        ]
        await self._send(session, helpers.update_available_commands(commands))

    async def _send(self, session: Session, update: Any) -> None:
        if self._client is not None:
            await self._client.session_update(session.stored.id, update)

    def _change(self, session: Session, **changes: Any) -> None:
        session.stored = self._sessions.keep(session.stored.model_copy(update=changes))

    def _opened(self, stored: Stored) -> Session:
        self._open[stored.id] = Session(stored)
        return self._open[stored.id]

    def _found(self, session_id: str) -> Stored:
        try:
            return self._sessions.find(session_id)
        except ToolError as error:
            raise RequestError.invalid_params({"sessionId": str(error)}) from None

    def _session(self, session_id: str) -> Session:
        return self._open.get(session_id) or self._opened(self._found(session_id))


def _modes(stored: Stored) -> schema.SessionModeState:
    modes = [
        schema.SessionMode(id=name, name=title, description=text) for name, (title, text) in LEAVES.items()
    ]
    return schema.SessionModeState(available_modes=modes, current_mode_id=stored.leave)


def _options(stored: Stored) -> list[Any]:
    options = [
        schema.SessionConfigSelectOption(value=name, name=name.capitalize(), description=text)
        for name, text in MODES.items()
    ]
    return [
        schema.SessionConfigOptionSelect(
            type="select",
            id="thinking",
            name="Thinking",
            category="thought_level",
            current_value=stored.mode,
            options=options,
        )
    ]


def _said(blocks: Sequence[Any]) -> tuple[str, tuple[Image, ...]]:
    """A prompt's blocks as text and images; files come as their path, or with their text where it was sent."""
    parts: list[str] = []
    images: list[Image] = []
    for block in blocks:
        match block:
            case schema.TextContentBlock():
                parts.append(block.text)
            case schema.ImageContentBlock():
                images.append(Image(base64.b64decode(block.data), block.mime_type))
            case schema.ResourceContentBlock():
                parts.append(f"[{block.name}]({_path(block.uri)})")
            case schema.EmbeddedResourceContentBlock(resource=schema.TextResourceContents() as resource):
                parts.append(f"\n<file path={_path(resource.uri)!r}>\n{resource.text}\n</file>\n")
            case _:
                parts.append("[a part of the prompt that is neither text nor image was left out]")
    return " ".join(parts).strip(), tuple(images)


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def _command(text: str) -> tuple[str, str]:
    found = re.match(r"/(\w+)\s*(.*)\Z", text, re.DOTALL)
    if found and found[1] in COMMANDS:
        return found[1], found[2]
    return "", text
