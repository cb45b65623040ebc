"""One turn of a session: the run that it goes on with, and what the editor is told of it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acp import helpers, schema
from acp.interfaces import Client

from kimi_mcp.acp import options
from kimi_mcp.acp.history import runs_of, spent, window
from kimi_mcp.acp.open_files import open_files
from kimi_mcp.acp.permission import asker
from kimi_mcp.acp.review import ended
from kimi_mcp.acp.session import Ordering, Session
from kimi_mcp.acp.store import Sessions
from kimi_mcp.acp.updates import Updates
from kimi_mcp.agent import events as ev
from kimi_mcp.agent.watch import Inbox
from kimi_mcp.mcp_client.functions import functions
from kimi_mcp.model.errors import ModelError
from kimi_mcp.model.messages import Image
from kimi_mcp.runs.apply import apply, patched
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import Beside, connecting, work
from kimi_tools import journal, policy
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import ToolError
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace

_REVIEW = (
    "Review the uncommitted changes below as a maintainer would: correctness, edge cases, tests, leftovers. Read "
    "the code around them. Change nothing. {}\n\n<diff>\n{}\n</diff>"
)
_TEST = "Run the tests around the uncommitted changes; explain each failure and where it comes from. Change nothing. {}"


@dataclass(slots=True)
class Turn:
    """What one turn works with."""

    session: Session
    sessions: Sessions
    ordering: Ordering
    client: Client
    named: Sequence[str] = ()
    """Files that the editor says are open."""

    async def take(self, command: str, text: str, images: tuple[Image, ...]) -> schema.StopReason:
        """Do what the user says, to its end or until it is cancelled."""
        session = self.session
        session.inbox = Inbox()
        try:
            match command:
                case "cost":
                    return await self._say(spent(session.stored, self.ordering.state).words())
                case "undo":
                    return await self._say(await self._undo())
                case "apply":
                    return await self._say(await self._apply())
                case "review":
                    text = _REVIEW.format(text, await self._diff())
                case "test":
                    text = _TEST.format(text)
                case _:
                    pass
            return await self._work(self._run_of(command, text, images), text)
        except (ToolError, ModelError) as error:
            return await self._say(str(error))

    async def _work(self, folder: RunFolder, text: str) -> schema.StopReason:
        session = self.session
        connect = connecting(folder, self.ordering.key())
        request = folder.record().request
        copy = None if request.in_place else folder.place
        unsaved: dict[str, bytes] = {}
        dress: Callable[[Tool], Tool] = session.buffers.dress
        if copy:
            unsaved = await self._unsaved(folder, text)
            dress = partial(session.buffers.dress_copy, root=request.root, known=unsaved)
        used = spent(session.stored, self.ordering.state)
        updates = Updates(
            session.stored.cwd,
            copy,
            window(folder),
            terminals=session.terminals.shown,
            cost=used.cost,
            priced=used.priced,
            tokens=used.prompt + used.completion,
        )
        more: list[Tool] = []
        if not request.read_only:
            more, problems = await functions(session.servers)
            for problem in problems:
                await self._send(helpers.update_agent_thought_text(f"{problem}\n"))
        beside = Beside(more, lambda tool: dress(session.terminals.dress(tool)), unsaved=unsaved)
        outcome: ev.Outcome | None = None
        with policy.asking(asker(self.client, session.stored.id, session.lasting)):
            async with aclosing(work(folder, connect, session.inbox, beside=beside)) as events:
                async for event in events:
                    session.at_work = True
                    if session.stopping and not session.inbox.stopping:  # it was opened after the stop
                        session.inbox.stop()
                    for update in updates.of(event):
                        await self._send(update)
                    if isinstance(event, ev.Ended):
                        outcome = event.outcome
                        await self._send(await ended(folder, outcome))
        return await self._stop_reason(outcome)

    async def _unsaved(self, folder: RunFolder, text: str) -> dict[str, bytes]:
        """What the private copy is to hold of the editor's unsaved texts."""
        stored, root = self.session.stored, folder.record().request.root
        if not self.session.buffers.reads:
            return {}
        runs = runs_of(stored, self.ordering.state)
        files = await open_files(root, folder.state, self.named, text, runs)
        return await self.session.buffers.unsaved(root, files)

    def _run_of(self, command: str, text: str, images: tuple[Image, ...]) -> RunFolder:
        """The run that this turn goes on with, as it is ordered now; or a new one: the first, or an issue's."""
        stored = self.session.stored
        if stored.note:
            text = f"{stored.note}\n\n{text}"
            stored = self._keep(note="")
        request = self.ordering.order(
            text,
            images,
            stored.cwd,
            protocol=options.protocol(command, stored.leave),
            mode=stored.mode,
            model=stored.model,
            read_only=command == "review" or stored.leave != "code",
        )
        runs = runs_of(stored, self.ordering.state)
        if runs and command != "fix":
            _reorder(last := runs[-1], request)
            self.session.inbox.say(text, images)
            return last
        if command == "fix" and stored.place == "copy":
            request = request.model_copy(update={"in_place": False})
        folder = create(self.ordering.state, request)
        title = stored.title or " ".join(text.split())[:80]
        self._keep(runs=(*stored.runs, folder.id), title=title)
        return folder

    def _keep(self, **changes: Any):
        self.session.stored = self.sessions.keep(self.session.stored.model_copy(update=changes))
        return self.session.stored

    async def _stop_reason(self, outcome: ev.Outcome | None) -> schema.StopReason:
        if self.session.stopping or (outcome and outcome.status == "cancelled"):
            return "cancelled"
        if outcome is None or outcome.status in ("answered", "submitted"):
            return "end_turn"
        await self._say(f"\n{outcome.reason}")
        return "max_turn_requests" if outcome.status in ("limit", "stuck") else "end_turn"

    async def _undo(self) -> str:
        """Take back what the tools changed in the last turn that changed something."""
        for folder in reversed(runs_of(self.session.stored, self.ordering.state)):
            taken = await _taken_back(folder)
            if taken:
                paths = ", ".join(sorted(taken))
                self._keep(note=f"[The user took back your last changes of: {paths}]")
                return f"Taken back: {paths}. What commands changed is not; git can."
        return "No edits of this session are left to take back. What commands changed is not recorded; git can help."

    async def _apply(self) -> str:
        """Bring the session's newest patch that lies in a private copy into the user's files, unsaved ones too."""
        for folder in reversed(runs_of(self.session.stored, self.ordering.state)):
            outcome = folder.outcome()
            if folder.record().request.in_place or not (outcome and outcome.patch):
                continue
            paths = [change.path for change in await patched(folder)]
            workspace = Workspace(self.session.stored.cwd, state=_applied(folder))
            with closing(workspace):
                async with self.session.buffers.edited(workspace, paths):
                    await apply(folder, workspace)
            return f"In your files now: {', '.join(paths)}. /undo takes it back."
        return "There is no patch to bring in: /fix in a private copy makes one."

    async def _diff(self) -> str:
        tool = next(tool for tool in TOOLS if tool.name == "git_diff")
        workspace = Workspace(self.session.stored.cwd, state=self.ordering.state / "sessions" / "state")
        workspace.result_chars = 60_000
        try:
            return (await tool(workspace, {})).text
        finally:
            workspace.close()

    async def _say(self, text: str) -> schema.StopReason:
        await self._send(helpers.update_agent_message_text(text))
        return "cancelled" if self.session.stopping else "end_turn"

    async def _send(self, update: Any) -> None:
        await self.client.session_update(self.session.stored.id, update)


def _reorder(folder: RunFolder, wanted: Request) -> None:
    """What the user chose in between holds from this turn on."""
    record = folder.record()
    fields = ("protocol", "mode", "model", "read_only")
    request = record.request.model_copy(update={name: getattr(wanted, name) for name in fields})
    if request != record.request:
        folder.write_record(record.model_copy(update={"request": request}))


def _applied(folder: RunFolder) -> Path:
    """The journal of what a run in a private copy changed in the user's files."""
    place = folder.path / "applied"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


async def _taken_back(folder: RunFolder) -> set[str]:
    """Undo the journal's steps of the newest turn of a run that has any left; the paths.

    Of a run in a private copy, all that was brought into the user's files is taken back.
    """
    in_place = folder.record().request.in_place
    turns = [event.at for event in folder.events() if isinstance(event, ev.Said) and event.by == "user"]
    turns = turns if in_place else [0.0]
    workspace = Workspace(folder.record().request.root, state=folder.state if in_place else _applied(folder))
    try:
        left = [one for one in journal.records(workspace, 10_000) if not (one.undone or one.cut_off)]
        for began in reversed(turns):
            if count := sum(one.time >= began for one in left):
                await asyncio.to_thread(journal.undo, workspace, count)
                return {path for one in left[:count] for path in one.paths}
    finally:
        workspace.close()
    return set()
