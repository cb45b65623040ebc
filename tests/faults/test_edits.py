"""Edits that meet other writers: nobody's work is lost without a word."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools import journal
from kimi_tools.catalog import TOOLS
from kimi_tools.edit import edit_file
from kimi_tools.errors import Conflict, NotAllowed, PathRefused, ToolError
from kimi_tools.files import write_file
from kimi_tools.journal import Change
from kimi_tools.workspace import Stale, Workspace
from tests.faults import disk

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def test_another_write_of_the_same_size_and_time_is_noticed(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "one\n"})
    path = workspace.root / "a"
    known = workspace.read("a").hash
    status = path.stat()
    path.write_text("two\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(Stale, match=f"has hash {workspace.read('a').hash}"):
        anyio.run(edit_file, workspace, {"path": "a", "old": "two", "new": "x", "hash": known})
    assert path.read_text() == "two\n"


@pytest.mark.parametrize("call", ["create", "write", "sync"])
def test_another_write_between_our_look_and_our_rename_is_not_lost(
    make_workspace: MakeWorkspace, call: str
) -> None:
    workspace = make_workspace({"a": "one\n"})
    path = workspace.root / "a"
    seen = 0

    def strike(at: int, name: str) -> disk.How | None:
        nonlocal seen
        seen += name == call
        return "before" if name == call and seen == (3 if call == "sync" else 2) else None

    def other_writer() -> None:
        path.write_text("theirs\n")

    with pytest.raises(Conflict, match="changed by another program"), disk.struck(strike, other_writer):
        journal.apply(workspace, "t", [Change("a", b"one\n", b"mine\n")])
    assert path.read_text() == "theirs\n"
    assert [one.name for one in workspace.root.iterdir() if one.name != ".git"] == ["a"]


def test_a_file_made_by_another_in_the_last_moment_is_not_overwritten(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({})
    path = workspace.root / "a"

    def strike(at: int, name: str) -> disk.How | None:
        return "before" if name == "place" else None

    with (
        pytest.raises(Conflict, match="made by another"),
        disk.struck(strike, lambda: path.write_text("theirs") and None),
    ):
        journal.apply(workspace, "t", [Change("a", None, b"mine\n")])
    assert path.read_text() == "theirs"


WRITER = """
import sys, anyio
from kimi_tools.edit import edit_file
from kimi_tools.errors import ToolError
from kimi_tools.workspace import Workspace
workspace = Workspace(sys.argv[1], state=sys.argv[2])
for number in range(int(sys.argv[4])):
    while True:
        try:
            anyio.run(edit_file, workspace, {"path": "a", "old": "end\\n", "new": f"{sys.argv[3]}{number}\\nend\\n"})
            break
        except ToolError as error:
            assert "changed" in str(error), error
"""


def test_two_processes_that_edit_one_file_lose_no_edit(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "end\n"})
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(workspace.root), str(workspace.state), name, "25"]
        )
        for name in "xy"
    ]
    assert [writer.wait(100) for writer in writers] == [0, 0]
    lines = (workspace.root / "a").read_text().splitlines()
    assert lines[-1] == "end"
    assert [line for line in lines if line[0] == "x"] == [f"x{number}" for number in range(25)]
    assert [line for line in lines if line[0] == "y"] == [f"y{number}" for number in range(25)]
    assert len(lines) == 51


def test_a_link_that_a_command_left_does_not_lead_a_write_out(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace({"a": ""})
    profile = tmp_path / "bashrc"
    profile.write_text("theirs\n")
    (workspace.root / "out").symlink_to(profile)
    (workspace.root / "new").symlink_to(tmp_path / "not-there-yet")
    for name in ("out", "new"):
        with pytest.raises(PathRefused):
            anyio.run(write_file, workspace, {"path": name, "content": "mine\n"})
    assert profile.read_text() == "theirs\n"
    assert not (tmp_path / "not-there-yet").exists()


@pytest.mark.parametrize(
    "path", [".cUrSoR/mcp.json", ".GIT/hooks/pre-commit", ".Vscode/settings.json", ".env", "x/.git/config"]
)
@pytest.mark.parametrize("how", ["write", "patch", "begin"])
def test_no_editing_tool_writes_a_protected_file_without_leave(
    make_workspace: MakeWorkspace, path: str, how: str
) -> None:
    workspace = make_workspace({"a": ""})
    tools = {tool.name: tool for tool in TOOLS}
    calls = {
        "write": ("write_file", {"path": path, "content": "x\n"}),
        "patch": ("apply_patch", {"patch": f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"}),
        "begin": ("apply_patch", {"patch": f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch\n"}),
    }
    name, arguments = calls[how]
    with pytest.raises((PathRefused, NotAllowed)):
        anyio.run(tools[name], workspace, arguments)
    assert not (workspace.root / path).exists()


@pytest.mark.parametrize("real", ["../outside", "/etc/hostname", "link/outside", "a/../../outside"])
def test_a_journal_that_was_tampered_with_restores_nothing_outside(
    make_workspace: MakeWorkspace, real: str
) -> None:
    """What a restored archive could do elsewhere: the journal's own entries go through the door as well."""
    workspace = make_workspace({"a": "one\n"})
    outside = workspace.root.parent / "outside"
    outside.write_text("theirs\n")
    (workspace.root / "link").symlink_to("..")
    journal.apply(workspace, "t", [Change("a", b"one\n", b"theirs\n")])
    done = next((workspace.state / "journal").glob("*.done"))
    header, _, image = done.read_bytes().partition(b"\n")
    forged = json.loads(header)
    forged["files"][0]["real"] = forged["files"][0]["path"] = real
    done.with_suffix(".intent").write_bytes(json.dumps(forged).encode() + b"\n" + image)
    done.unlink()
    with contextlib.suppress(ToolError):
        journal.recover(workspace)
    with contextlib.suppress(ToolError):
        journal.undo(workspace)
    assert outside.read_text() == "theirs\n"
    assert not list(workspace.root.parent.glob("*.tmp"))
