"""The fallback without namespaces: what it holds, and that it states what it does not."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools.errors import NotAllowed
from kimi_tools.sandbox import Place
from kimi_tools.sandbox.choice import try_out
from kimi_tools.sandbox.landlock import Landlock
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.workspace import Workspace
from tests.kimi_tools.sandbox.conftest import shell

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


@pytest.fixture
def open_landlock(make_workspace: MakeWorkspace) -> MakeWorkspace:
    sandbox = Landlock(machine_layout())
    reason = try_out(sandbox)
    if reason is not None:
        pytest.skip(f"Landlock does not work here: {reason}")

    def make(files: dict[str, str | bytes]) -> Workspace:
        workspace = make_workspace(files)
        workspace.sandbox = sandbox
        return workspace

    return make


def test_the_workspace_is_written_and_nothing_beside_it(open_landlock: MakeWorkspace, tmp_path: Path) -> None:
    (tmp_path / "neighbour").write_text("private")
    workspace = open_landlock({"a.txt": "one\n"})
    beside = f"cat {tmp_path}/neighbour; echo x > {tmp_path}/new"
    script = f"cat a.txt; echo x > b; {beside}; echo x > /etc/kimi-canary; ls /root"
    finished = shell(workspace, script)
    assert finished.sandbox == "landlock"
    assert finished.text.startswith("one\n")
    assert "private" not in finished.text
    assert (workspace.root / "b").exists()
    assert not (tmp_path / "new").exists()
    assert not Path("/etc/kimi-canary").exists()


def test_home_and_temporary_directory_are_private_and_gone_afterwards(open_landlock: MakeWorkspace) -> None:
    workspace = open_landlock({})
    finished = shell(
        workspace, "echo $HOME; echo $TMPDIR; echo x > $HOME/a && echo x > $TMPDIR/b && echo written"
    )
    home, temporary, written = finished.text.split()
    assert written == "written"
    assert not Path(home).exists()
    assert not Path(temporary).exists()


def test_there_is_no_socket_and_no_other_process_to_look_into(
    open_landlock: MakeWorkspace,
) -> None:
    program = """
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try: socket.socket(family, kind); print("made a socket")
        except OSError as error: print(error.errno)
print(socket.socketpair()[0].fileno() > 0)
try: print(open("/proc/SERVER/environ").read())
except OSError as error: print("hidden")
""".replace("SERVER", str(os.getpid()))
    workspace = open_landlock({"sockets.py": program})
    finished = shell(workspace, f"{sys.executable} sockets.py")
    assert finished.text.split() == ["97"] * 6 + ["True", "hidden"], finished.text


def test_an_orphan_in_its_own_session_ends_with_the_command(open_landlock: MakeWorkspace) -> None:
    workspace = open_landlock({})
    shell(workspace, "setsid sh -c 'sleep 2; echo late > late' >/dev/null 2>&1 & echo started")
    threading.Event().wait(2.5)
    assert not (workspace.root / "late").exists()


def test_the_exit_code_and_a_missing_program_are_told(open_landlock: MakeWorkspace) -> None:
    workspace = open_landlock({})
    assert shell(workspace, "exit 7").exit_code == 7
    assert shell(workspace, "kill -9 $$").exit_code == 137


def test_the_gaps_are_stated_and_single_hosts_are_refused(tmp_path: Path) -> None:
    sandbox = Landlock(machine_layout(), network=["example.org"])
    assert any(".git" in gap for gap in sandbox.gaps)
    with pytest.raises(NotAllowed, match="install bubblewrap"):
        sandbox.launch(["true"], Place(tmp_path, tmp_path), {})
