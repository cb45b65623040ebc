"""No path leads out of the root: every tool that takes one, every trick, and under a race."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.catalog import TOOLS
from kimi_tools.edit import edit_file
from kimi_tools.errors import ToolError
from kimi_tools.files import FileText, read_file, write_file
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace, door
from tests.faults.disk import tree

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

CANARY = "canary-5f1e"
PATHS = ("leak", "d/f", "d/new.txt", "up/outside/f", "../outside/f", "a/../../outside/f", "{outside}/f", "{sibling}/f",
         "fifo", "socket", "loop", "a\0b", "", "/", "~/x", "$HOME/x", "file:///etc/passwd", "x" * 5000, "x/" * 3000,
         "\ud800", "absolute", "{root}/../outside/f", "chain")  # fmt: skip
TAKES_PATH = [
    (tool, name)
    for tool in TOOLS
    for name in tool.params.model_fields
    if name in ("path", "paths", "cwd", "file", "files", "folder", "directory", "root")
]


@pytest.fixture(params=["openat2", "walk"])
def door_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways through the door: the kernel's, and the walk where the kernel has none."""
    if request.param == "walk":
        monkeypatch.setattr(door, "has_openat2", lambda: False)
    elif not door.has_openat2():
        pytest.skip("this kernel has no openat2")
    yield request.param


def trapped(workspace: Workspace) -> Path:
    """Set every trap in the workspace; gives the directory outside that none may lead to."""
    root = workspace.root
    outside = root.parent / "outside"
    sibling = root.parent / f"{root.name}-evil"
    for folder in (outside, sibling):
        folder.mkdir()
        (folder / "f").write_text(CANARY)
    (root / "leak").symlink_to("../outside/f")
    (root / "absolute").symlink_to(outside / "f")
    (root / "d").symlink_to("../outside")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "chain").symlink_to("a/link1")
    (root / "a/link1").symlink_to("link2")
    (root / "a/link2").symlink_to("../../outside/f")
    os.mkfifo(root / "fifo")
    here = os.getcwd()
    os.chdir(root)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    os.chdir(here)
    return outside


def arguments(tool: Tool, name: str, path: str) -> dict[str, Any]:
    """A call that is right in everything but this path."""
    properties: dict[str, dict[str, Any]] = tool.input_schema()["properties"]
    needed = {
        key: {"string": "true", "integer": 1, "array": ["x"]}[properties[key]["type"]]
        for key in tool.input_schema().get("required", [])
    }
    return {**needed, name: [path] if properties[name]["type"] == "array" else path}


@pytest.mark.parametrize(
    ("tool", "name"), TAKES_PATH, ids=[f"{tool.name}.{name}" for tool, name in TAKES_PATH]
)
def test_no_tool_follows_a_path_out(make_workspace: MakeWorkspace, tool: Tool, name: str) -> None:
    workspace = make_workspace({"a/f": "inside\n"})
    outside = trapped(workspace)
    before = tree(outside), tree(workspace.root.parent / f"{workspace.root.name}-evil")
    for template in PATHS:
        path = template.format(outside=outside, sibling=f"{workspace.root}-evil", root=workspace.root)
        started = time.monotonic()
        answer = ""
        with contextlib.suppress(ToolError):
            answer = anyio.run(tool, workspace, arguments(tool, name, path)).text
        assert CANARY not in answer, template
        assert time.monotonic() - started < 30, template
    assert (tree(outside), tree(workspace.root.parent / f"{workspace.root.name}-evil")) == before


@pytest.mark.parametrize("path", PATHS)
def test_reads_and_writes_are_refused_by_both_doors(
    make_workspace: MakeWorkspace, door_kind: str, path: str
) -> None:
    workspace = make_workspace({"a/f": "inside\n"})
    outside = trapped(workspace)
    before = tree(outside)
    path = path.format(outside=outside, sibling=f"{workspace.root}-evil", root=workspace.root)
    for tool, rest in (
        (edit_file, {"old": CANARY, "new": "x"}),
        (read_file, {}),
        (write_file, {"content": "x"}),
    ):
        if tool is write_file and path.startswith(("~", "$", "file:", "x/")):
            continue  # a plain new name
        if tool is read_file and path == "/":
            continue
        with pytest.raises(ToolError):
            anyio.run(tool, workspace, {"path": path, **rest})
    assert tree(outside) == before


ATTACKER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = sys.argv[1].encode(), sys.argv[2].encode()
while True:
    if libc.syscall(316, -100, one, -100, other, 2) and ctypes.get_errno() == 38:
        sys.exit(3)
"""


@contextlib.contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """Another process swaps the two names as fast as it can."""
    attacker = subprocess.Popen([sys.executable, "-c", ATTACKER, str(one), str(other)])
    try:
        yield
        assert attacker.poll() is None, "the attacker has ended"
    finally:
        attacker.kill()
        attacker.wait()


@pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the attacker's system call number is that of x86_64"
)
@pytest.mark.parametrize("inside", [False, True], ids=["to outside", "to .git"])
def test_a_directory_that_is_swapped_for_a_link_all_the_time_leads_nowhere_else(
    make_workspace: MakeWorkspace, door_kind: str, inside: bool
) -> None:
    workspace = make_workspace({"a/config": "inside\n"})
    root = workspace.root
    target = root / ".git" if inside else root.parent / "outside"
    if not inside:
        target.mkdir()
        (target / "config").write_text(CANARY)
    guarded = (target / "config").read_bytes()
    (root / "b").symlink_to(target if not inside else ".git")
    written = 0
    with exchanging(root / "a", root / "b"):
        for number in range(150):
            with contextlib.suppress(ToolError):
                result = anyio.run(read_file, workspace, {"path": "a/config"})
                assert isinstance(result.data, FileText)
                assert CANARY not in result.text
                anyio.run(
                    write_file,
                    workspace,
                    {"path": "a/config", "content": f"mine {number}\n", "hash": result.data.hash},
                )
                written += 1
            if not inside:
                with contextlib.suppress(ToolError):
                    anyio.run(write_file, workspace, {"path": f"a/new{number}", "content": "mine\n"})
    assert (target / "config").read_bytes() == guarded
    if not inside:
        assert [path.name for path in target.iterdir()] == ["config"]
    assert not list(root.rglob(".kimi-*"))
    assert written > 0


FOREIGN = ("CON", "NUL", "aux.txt", "a.", "a ", "a:stream", "C:\\x", "\\\\?\\C:\\x", "\\\\srv\\s", "com1.py")


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_that_means_something_elsewhere_is_a_plain_name_here(
    make_workspace: MakeWorkspace, name: str
) -> None:
    workspace = make_workspace({"a/x": "x\n"})
    anyio.run(write_file, workspace, {"path": f"a/{name}", "content": "one\n"})
    assert sorted(os.listdir(workspace.root / "a")) == sorted(["x", name])
    anyio.run(edit_file, workspace, {"path": f"a/{name}", "old": "one", "new": "two"})
    assert "two" in anyio.run(read_file, workspace, {"path": f"a/{name}"}).text
    assert (workspace.root / "a" / name).read_text() == "two\n"
