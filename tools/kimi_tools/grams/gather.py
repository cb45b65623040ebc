"""Which files a search of the whole workspace reads, and what else stands in the folders that it enters."""

import asyncio
import os
import re
from dataclasses import dataclass, field

from kimi_tools.index.listing import IGNORE_FILES
from kimi_tools.protected import SECRET_GLOBS
from kimi_tools.ripgrep import Remarks, Scope, ripgrep
from kimi_tools.workspace import Workspace

WHOLE = Scope(excluded=SECRET_GLOBS)
"""The scope whose files a tree knows."""

_SECONDS = 60.0
_BYTES = 256 * 1024 * 1024
_MOST_QUIET = 2000
"""Folders that are entered and hold nothing that is searched; with more, what happens there cannot be followed."""

_PASSED_OVER = re.compile(
    r"^rg: DEBUG\|[^|]*\|[^ ]* ignoring (?:\./)?(.*): Ignore\(IgnoreMatch\(", re.MULTILINE
)


@dataclass(slots=True)
class Listing:
    """`files` are searched; `folders` entered, `closed` ones not; `unlisted` stand in an entered one and are not
    searched (ignored files, secrets), of them `special` ones that may be searched once they change: what is `huge`,
    or no file (symlinks); `linked_rules`: ignore files that are symlinks."""

    files: set[str] = field(default_factory=set[str])
    folders: set[str] = field(default_factory=set[str])
    closed: set[str] = field(default_factory=set[str])
    unlisted: set[str] = field(default_factory=set[str])
    special: set[str] = field(default_factory=set[str])
    huge: set[str] = field(default_factory=set[str])
    linked_rules: list[str] = field(default_factory=list[str])


async def gather(workspace: Workspace) -> Listing | None:
    """List a workspace; None when that is not whole (something cannot be read). Raises as `ripgrep` does."""
    done = await ripgrep(
        workspace,
        ["--files", "--null", "--debug", *WHOLE.arguments(), "--", WHOLE.target],
        timeout=_SECONDS,
        output_bytes=_BYTES,
    )
    remarks = Remarks.of(done.stderr)
    if done.exit_code > 1 or remarks.problems or len(done.stdout) >= _BYTES:
        return None
    found = Listing(huge=set(remarks.huge))
    return await asyncio.to_thread(_listing, workspace, found, done.stdout, done.stderr)


def _listing(workspace: Workspace, found: Listing, stdout: bytes, stderr: bytes) -> Listing | None:
    found.files = {os.fsdecode(raw.removeprefix(b"./")) for raw in stdout.split(b"\0") if raw}
    for path in found.files:
        while (path := path.rpartition("/")[0]) and path not in found.folders:
            found.folders.add(path)
    found.folders.add(".")
    passed_over = set(_PASSED_OVER.findall(os.fsdecode(stderr)))
    waiting, quiet = list(found.folders), 0
    while waiting:
        folder = waiting.pop()
        new = _enter(workspace, folder, found, passed_over)
        quiet += len(new)
        if quiet > _MOST_QUIET:
            return None
        found.folders.update(new)
        waiting += new
    return found


def _enter(workspace: Workspace, folder: str, found: Listing, passed_over: set[str]) -> list[str]:
    """Sort what stands in a folder; the folders in it that are entered too and not yet known."""
    new: list[str] = []
    try:
        descriptor = os.open(
            folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=workspace.descriptor
        )
    except OSError:
        return new
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = entry.name if folder == "." else f"{folder}/{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    if path not in found.files:
                        found.unlisted.add(path)
                        if path in found.huge or not entry.is_file(follow_symlinks=False):
                            found.special.add(path)
                    if entry.name in IGNORE_FILES and entry.is_symlink():
                        found.linked_rules.append(os.path.join(workspace.root, path))
                elif path in passed_over:
                    found.closed.add(path)
                elif path not in found.folders:
                    new.append(path)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return new
