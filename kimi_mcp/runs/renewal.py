"""A private copy made anew: the files as the user has them now, and on top of them what the run had changed."""

import stat
from collections.abc import Mapping
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.runs.apply import patched
from kimi_mcp.runs.folder import RunFolder
from kimi_tools.journal import Change


def overlay(place: Path, files: Mapping[str, bytes]) -> None:
    """Give files of a new copy other bytes: what the user sees in an editor and has not saved."""
    for path, data in files.items():
        _put(place, path, data, None)


async def renewed(folder: RunFolder) -> ev.Renewed:
    """Carry the run's changes into its new copy; three ways where the user changed the same file."""
    snapshot = Snapshot(folder.place, folder.tree)
    base = await snapshot.begin()
    taken: list[str] = []
    lost: list[str] = []
    for change in await patched(folder):
        now = _bytes(folder.place, change.path)
        if now == change.after:
            taken.append(change.path)
        elif now == change.before:
            _put(folder.place, change.path, change.after, change.mode)
        elif (both := await _both(snapshot, change, now)) is not None:
            _put(folder.place, change.path, both, change.mode)
        else:
            lost.append(change.path)
    return ev.Renewed(base=base, tree=await snapshot.tree(), taken=tuple(taken), lost=tuple(lost))


def told(event: ev.Renewed, attempt: int) -> str:
    """What the model is told of it; empty when the files are as it left them."""
    said: list[str] = []
    if event.taken:
        said.append(f"The user has taken your changes of {', '.join(event.taken)} into their files.")
    if event.lost:
        said.append(
            f"The user changed the same lines of {', '.join(event.lost)} as you: theirs stand, yours are not there."
        )
    if attempt > 1:
        said.append("The fix that was handed in is another attempt's: read the files again.")
    if said:
        said.append("The files are the user's as they are now, with the rest of your changes.")
    return f"[{' '.join(said)}]" if said else ""


async def _both(snapshot: Snapshot, change: Change, now: bytes | None) -> bytes | None:
    if now is None or change.before is None or change.after is None:
        return None
    return await snapshot.merged(change.before, now, change.after)


def _bytes(place: Path, path: str) -> bytes | None:
    target = place / path
    return target.read_bytes() if target.is_file() and not target.is_symlink() else None


def _put(place: Path, path: str, data: bytes | None, mode: int | None) -> None:
    """Write a file of the copy, or take it away; never through a link out of it. Nothing else is at work there."""
    target = place / path
    if not target.parent.resolve().is_relative_to(place.resolve()) or target.is_symlink():
        return
    if data is None:
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file():
        mode = stat.S_IMODE(target.stat().st_mode) if mode is None else mode
        target.unlink()
    target.write_bytes(data)
    if mode is not None:
        target.chmod(mode)
