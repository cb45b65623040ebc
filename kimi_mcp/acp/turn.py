"""One turn of a session: the run that it goes on with, and what the editor is told of it."""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from acp import helpers, schema
from acp.interfaces import Client

from kimi_mcp.acp import options
from kimi_mcp.acp.history import runs_of
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
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import Beside, connecting, work
from kimi_tools import policy
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

    async def take(self, command: str, text: str, images: tuple[Image, ...]) -> schema.StopReason:
        """Do what the user says, to its end or until it is cancelled."""
        session = self.session
        session.inbox = Inbox()
        try:
            match command:
                case "cost":
                    return await self._say(self._cost())
                case "undo":
                    return await self._say(await self._undo())
                case "review":
                    text = _REVIEW.format(text, await self._diff())
                case "test":
                    text = _TEST.format(text)
                case _:
                    pass
            return await self._work(self._run_of(command, text, images))
        except (ToolError, ModelError) as error:
            return await self._say(str(error))

    async def _work(self, folder: RunFolder) -> schema.StopReason:
        session = self.session
        connect = connecting(folder, self.ordering.key())
        request = folder.record().request
        copy = None if request.in_place else folder.place
        updates = Updates(session.stored.cwd, copy, terminals=session.terminals.shown)
        more: list[Tool] = []
        if not request.read_only:
            more, problems = await functions(session.servers)
            for problem in problems:
                await self._send(helpers.update_agent_thought_text(f"{problem}\n"))
        terminals = session.terminals.dress  # a private copy has no unsaved files, but commands that print
        beside = Beside(more, self._dressed if request.in_place else terminals)
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

    def _dressed(self, tool: Tool) -> Tool:
        """A tool that goes through the editor's unsaved files and its terminals."""
        return self.session.buffers.dress(self.session.terminals.dress(tool))

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
        if runs and command != "fix" and _goes_on(last := runs[-1]):
            _reorder(last, request)
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
            if not folder.record().request.in_place:
                continue  # nothing of it was ever in the user's files
            taken = await _taken_back(folder)
            if taken:
                paths = ", ".join(sorted(taken))
                self._keep(note=f"[The user took back your last changes of: {paths}]")
                return f"Taken back: {paths}. What commands changed is not; git can."
        return "No edits of this session are left to take back. What commands changed is not recorded; git can help."

    async def _diff(self) -> str:
        tool = next(tool for tool in TOOLS if tool.name == "git_diff")
        workspace = Workspace(self.session.stored.cwd, state=self.ordering.state / "sessions" / "state")
        workspace.result_chars = 60_000
        try:
            return (await tool(workspace, {})).text
        finally:
            workspace.close()

    def _cost(self) -> str:
        """What all runs of the session have used."""
        found = [folder.outcome() for folder in runs_of(self.session.stored, self.ordering.state)]
        used = [outcome for outcome in found if outcome is not None]
        if not used:
            return "Nothing yet."
        steps, prompt = sum(one.steps for one in used), sum(one.prompt_tokens for one in used)
        cached, made = sum(one.cached_tokens for one in used), sum(one.completion_tokens for one in used)
        cost, seconds = sum(one.cost for one in used), sum(one.seconds for one in used)
        return (
            f"{steps} steps, {prompt:,} prompt tokens ({cached:,} cached), {made:,} answer tokens, "
            f"${cost:.3f}, {seconds:.0f} s"
        )

    async def _say(self, text: str) -> schema.StopReason:
        await self._send(helpers.update_agent_message_text(text))
        return "cancelled" if self.session.stopping else "end_turn"

    async def _send(self, update: Any) -> None:
        await self.client.session_update(self.session.stored.id, update)


def _goes_on(folder: RunFolder) -> bool:
    """Whether a further prompt belongs to this run: not when its private copy was handed in and is gone."""
    outcome = folder.outcome()
    return folder.record().request.in_place or outcome is None or outcome.status != "submitted"


def _reorder(folder: RunFolder, wanted: Request) -> None:
    """What the user chose in between holds from this turn on."""
    record = folder.record()
    fields = ("protocol", "mode", "model", "read_only")
    request = record.request.model_copy(update={name: getattr(wanted, name) for name in fields})
    if request != record.request:
        folder.write_record(record.model_copy(update={"request": request}))


async def _taken_back(folder: RunFolder) -> set[str]:
    """Undo the journal's steps of the newest turn of a run that has any left; the paths."""
    import anyio.to_thread

    from kimi_tools import journal

    turns = [event.at for event in folder.events() if isinstance(event, ev.Said) and event.by == "user"]
    workspace = Workspace(folder.record().request.root, state=folder.state)
    try:
        left = [one for one in journal.records(workspace, 10_000) if not (one.undone or one.cut_off)]
        for began in reversed(turns):
            if count := sum(one.time >= began for one in left):
                await anyio.to_thread.run_sync(journal.undo, workspace, count)
                return {path for one in left[:count] for path in one.paths}
    finally:
        workspace.close()
    return set()
