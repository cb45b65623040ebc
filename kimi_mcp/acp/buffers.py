"""The editor's unsaved buffers: what the agent reads and edits is what the person sees.

A session works in the user's own tree. Before a call that names a file, the editor is asked for its text. Where
that differs from the disk the file has unsaved changes: a read gives the editor's text; an edit first has the
editor save it, then changes the file (journalled, so undo gives back what the person had). The edited file is
handed to the editor where its buffer does not follow by itself, unless the person typed in between. Searches and
commands see the disk, as the person's own terminal does; the agent is told so.

A private copy begins with the unsaved texts of the files that can be known to be open (`open_files`), as ACP lists
no buffers. A call that names another file with unsaved changes is told that the copy does not have them.
"""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from acp import RequestError
from acp.interfaces import Client

from kimi_tools.errors import Conflict, ToolError
from kimi_tools.tool import Params, Result, Tool
from kimi_tools.workspace import Content, Workspace

SECONDS = 10.0
"""For one answer of the editor; after that its buffers are left alone for the rest of the session."""

_PATCHED = re.compile(r"^(?:\*\*\* (?:Update|Delete) File: |--- a/)(.+?)\s*$", re.MULTILINE)


@dataclass(slots=True)
class Buffers:
    """One session's view of the editor's files; `reads` and `writes` are what the editor declared."""

    client: Client
    session: str
    reads: bool
    writes: bool
    shown: dict[str, bytes] = field(default_factory=lambda: dict[str, bytes]())
    """Files with unsaved changes, as last seen."""

    def dress(self, tool: Tool) -> Tool:
        """The tool, looking at the editor's files before it runs and handing edited ones back."""
        if not (self.reads or self.writes):
            return tool

        async def run(workspace: Workspace, params: Params) -> Result:
            named = _named(workspace, params)
            if tool.effect == "edits":
                async with self.edited(workspace, named):
                    return await tool.run(workspace, params)
            for path in named:
                await self._look(workspace, path, saving=False)
            return self._noted(tool, named, await tool.run(workspace, params))

        return replace(tool, run=run)

    def dress_copy(self, tool: Tool, root: Path, known: Mapping[str, bytes]) -> Tool:
        """The tool for a private copy of `root`, which began with the `known` unsaved texts."""
        if not self.reads:
            return tool

        async def run(workspace: Workspace, params: Params) -> Result:
            result = await tool.run(workspace, params)
            named = [path for path in _named(workspace, params) if path not in known]
            if not named or not (missing := await self.unsaved(root, named)):
                return result
            note = f"[Unsaved in the editor, and not in this private copy: {', '.join(missing)}]"
            return replace(result, text=f"{note}\n{result.text}")

        return replace(tool, run=run)

    async def unsaved(self, root: Path, paths: Iterable[str]) -> dict[str, bytes]:
        """Of those files of a repository, the ones whose text in the editor is another than on the disk."""
        if not self.reads:
            return {}
        found: dict[str, bytes] = {}
        with closing(Workspace(root, state=os.devnull)) as workspace:  # only read
            for path in dict.fromkeys(paths):
                await self._look(workspace, path, saving=False)
                if path in workspace.unsaved:
                    found[path] = workspace.unsaved[path]
                self.shown.pop(path, None)
        return found

    @asynccontextmanager
    async def edited(self, workspace: Workspace, paths: Iterable[str]) -> AsyncGenerator[None]:
        """The block changes those files: the editor saves them before, and is shown them after.

        Raises `Conflict` where one has unsaved changes that cannot be saved.
        """
        before = {path: await self._look(workspace, path, saving=True) for path in paths}
        yield
        for path, text in before.items():
            await self._hand_over(workspace, path, text)

    async def _look(self, workspace: Workspace, path: str, saving: bool) -> str | None:
        """The text of one file as the person sees it, known to `workspace` from here on; None for no text file.

        With `saving`, unsaved changes are on the disk behind this. Raises `Conflict` where they cannot be.
        """
        workspace.unsaved.pop(path, None)
        self.shown.pop(path, None)
        try:
            disk = workspace.read(path)
        except ToolError:  # not there, binary, secret: the tool itself says so
            return None
        text = await self._text(workspace.root / path)
        if text is None or _same(disk.text, text):
            return disk.text
        data = disk.encode(_ended(disk, text))
        if not saving:
            workspace.unsaved[path] = self.shown[path] = data
            return text
        if not self.writes:
            raise Conflict(
                f"'{path}' has unsaved changes in the editor, which lets nobody save them; ask the user to."
            )
        await self._write(workspace.root / path, text)
        if not _same(workspace.read(path).text, text):
            raise Conflict(f"The editor did not save '{path}', which has unsaved changes; ask the user to.")
        return text

    async def _text(self, path: Path) -> str | None:
        if not self.reads:
            return None
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self.client.read_text_file(path=str(path), session_id=self.session)
        except TimeoutError:
            self.reads = False
            return None
        except RequestError:  # it has no such file
            return None
        return answer.content

    async def _hand_over(self, workspace: Workspace, path: str, before: str | None) -> None:
        """Show the editor an edited file. Where that cannot be, it still sees the file change on the disk."""
        if not self.writes:
            return
        try:
            content = workspace.read(path)
        except ToolError:
            return
        now = await self._text(workspace.root / path)
        if now is not None and (_same(content.text, now) or not _same(before or "", now)):
            return  # it has the new text, or the person typed since
        if content.encoding == "utf-8" and not (content.strays or content.mark):
            await self._write(workspace.root / path, content.text)

    async def _write(self, path: Path, text: str) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                await self.client.write_text_file(content=text, path=str(path), session_id=self.session)
        except TimeoutError:
            self.writes = False
        except RequestError:
            return

    def _noted(self, tool: Tool, named: Iterable[str], result: Result) -> Result:
        stale = sorted(self.shown)
        if tool.effect == "executes" and stale:
            note = f"[Unsaved in the editor, so this used the older text on the disk: {', '.join(stale)}]"
        elif tool.effect == "reads" and (seen := [path for path in named if path in self.shown]):
            note = (
                f"[{', '.join(seen)}: the editor's text, not saved yet; searches and commands see the disk]"
            )
        else:
            return result
        return replace(result, text=f"{note}\n{result.text}")


def _named(workspace: Workspace, params: Params) -> list[str]:
    """The files that a call names."""
    given = params.model_dump()
    names = [given[key] for key in ("path",) if isinstance(given.get(key), str)]
    if isinstance(patch := given.get("patch"), str):
        names += _PATCHED.findall(patch)
    found: list[str] = []
    for name in names:
        try:
            found.append(workspace.relative(name))
        except ToolError:
            continue
    return [path for path in dict.fromkeys(found) if path != "."]


def _ended(disk: Content, text: str) -> str:
    """The editor's text with the file's own line ends: editors show every one as a line feed."""
    return text if disk.newline == "\n" or "\r" in text else text.replace("\n", disk.newline)


def _same(disk: str, text: str) -> bool:
    """Whether an editor shows what is on the disk; it may show line ends and the last one in its own way."""
    return disk == text or _plain(disk) == _plain(text)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
