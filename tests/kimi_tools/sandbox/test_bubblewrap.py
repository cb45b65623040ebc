"""What a command cannot do in the default sandbox, and what it still can."""

import asyncio
import functools
import hashlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools.errors import NotAllowed, Unavailable
from kimi_tools.policy import Policy
from kimi_tools.sandbox import Place, Sandbox, choose
from kimi_tools.workspace import Workspace
from tests.kimi_tools.sandbox.conftest import shell

MakeConfined = Callable[..., Workspace]


def tree_hash(root: Path) -> str:
    """One hash over every path, kind, mode and byte below a directory."""
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        whole.update(f"{path.relative_to(root)}\0{status.st_mode}\0".encode())
        if path.is_symlink():
            whole.update(os.readlink(path).encode())
        elif path.is_file():
            whole.update(path.read_bytes())
    return whole.hexdigest()


def test_a_command_changes_the_workspace_and_the_result_names_the_sandbox(
    make_confined: MakeConfined,
) -> None:
    workspace = make_confined({"a.txt": "one\n"})
    finished = shell(workspace, "cat a.txt && echo two > b.txt && pwd")
    assert finished.text.splitlines() == ["one", str(workspace.root)]
    assert finished.sandbox == "bubblewrap"
    assert (workspace.root / "b.txt").read_text() == "two\n"


@pytest.mark.parametrize(
    "target",
    [
        "/etc/x",
        "/usr/bin/env",
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/sys/devices/system/x",
    ],
)
def test_the_system_cannot_be_written(make_confined: MakeConfined, target: str) -> None:
    workspace = make_confined({})
    assert shell(workspace, f"echo x >> {target}").exit_code != 0


def test_home_and_the_neighbours_of_the_workspace_are_not_seen_and_not_changed(
    make_confined: MakeConfined, tmp_path: Path
) -> None:
    (tmp_path / "neighbour").write_text("private")
    workspace = make_confined({})
    finished = shell(workspace, "cat ../neighbour; echo x > ../new; echo x > ~/kimi-mcp-canary; ls -A ~/.ssh")
    assert "private" not in finished.text
    assert not (tmp_path / "new").exists()
    assert not Path("~/kimi-mcp-canary").expanduser().exists()
    assert ".ssh" in finished.text


@pytest.mark.parametrize("place", [".git", "nested/.git"])
def test_git_directories_are_read_only(make_confined: MakeConfined, place: str) -> None:
    workspace = make_confined({"nested/a": ""})
    (workspace.root / "nested/.git").mkdir()
    (workspace.root / "nested/.git/config").write_text("[core]\n")
    before = tree_hash(workspace.root)
    script = f"echo x >> {place}/config; mkdir {place}/hooks2; rm -rf {place}; mv {place} gone"
    assert shell(workspace, script).exit_code != 0
    assert tree_hash(workspace.root) == before


@pytest.mark.parametrize("name", [".vscode/tasks.json", ".mcp.json", "new/.git/config", ".cUrSoR/mcp.json"])
def test_a_protected_entry_that_a_command_makes_is_renamed_and_reported(
    make_confined: MakeConfined, name: str
) -> None:
    workspace = make_confined({})
    finished = shell(workspace, f"mkdir -p $(dirname {name}); echo x > {name}")
    assert not (workspace.root / name).exists()
    assert "renamed" in finished.notes[0]


def test_a_git_directory_moved_with_its_parent_is_renamed_too(make_confined: MakeConfined) -> None:
    workspace = make_confined({"sub/a": ""})
    (workspace.root / "sub/.git").mkdir()
    (workspace.root / "sub/.git/config").write_text("[core]\n")
    finished = shell(workspace, "mv sub kept && mkdir -p sub/.git && echo evil > sub/.git/config")
    assert not (workspace.root / "sub/.git").exists()
    assert finished.notes


def test_files_of_secrets_look_empty_and_leave_no_trace(make_confined: MakeConfined) -> None:
    workspace = make_confined({".env": "TOKEN=1", "app/.env.local": "TOKEN=2", ".env.example": "TOKEN="})
    before = tree_hash(workspace.root)
    finished = shell(workspace, "cat .env app/.env.local .env.example")
    assert (finished.exit_code, finished.text) == (0, "TOKEN=")
    assert tree_hash(workspace.root) == before


def test_with_leave_for_secrets_a_command_sees_them(make_confined: MakeConfined) -> None:
    workspace = make_confined({".env": "TOKEN=1"})
    workspace.policy = Policy.allowing(["secrets"])
    assert shell(workspace, "cat .env").text == "TOKEN=1"


def test_no_secret_of_the_server_reaches_a_command(
    make_confined: MakeConfined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "canary-value")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/canary-value")
    workspace = make_confined({})
    finished = shell(workspace, "env; cat /proc/*/environ /proc/*/cmdline")
    assert "HOME=" in finished.text
    assert "canary-value" not in finished.text


def test_there_is_no_network_but_localhost(make_confined: MakeConfined) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        program = f"""
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_INET, ("192.0.2.1", 80))):
    try: socket.socket(family).connect(address); print("reached", address)
    except OSError as error: print("no", error.errno)
server = socket.create_server(("localhost", 0))
socket.create_connection(server.getsockname()).close()
print("localhost works")
try: socket.socket(40)
except OSError as error: print("vsock", error.errno)
"""
        workspace = make_confined({"net.py": program})
        finished = shell(workspace, f"{sys.executable} net.py")
    assert "reached" not in finished.text
    assert "localhost works" in finished.text
    assert "vsock 97" in finished.text


def test_a_unix_socket_of_the_host_is_out_of_reach(make_confined: MakeConfined, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "agent.sock"))
        server.listen()
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(tmp_path / 'agent.sock')!r})"
        workspace = make_confined({"connect.py": script})
        finished = shell(workspace, f"{sys.executable} connect.py")
    assert finished.exit_code == 1
    assert "No such file" in finished.text


def test_dangerous_system_calls_are_refused(make_confined: MakeConfined) -> None:
    program = """
import ctypes, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
calls = {"ptrace": (101, 0), "keyctl": (250, 0), "bpf": (321, 0), "io_uring_setup": (425, 1, 0),
         "unshare": (272, 0x10000000), "mount": (165, 0, 0, 0, 0, 0), "setns": (308, 0)}
for name, (number, *arguments) in calls.items():
    print(name, libc.syscall(number, *arguments), ctypes.get_errno())
try: os.chmod("own", 0o4755)
except OSError as error: print("chmod", -1, error.errno)
os.chmod("own", 0o755)
master, slave = os.openpty()
try: fcntl.ioctl(slave, 0x5412, b"x")
except OSError as error: print("ioctl", -1, error.errno)
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers in this test are those of x86_64")
    workspace = make_confined({"calls.py": program, "own": ""})
    finished = shell(workspace, f"{sys.executable} calls.py")
    lines = finished.text.splitlines()
    assert len(lines) == 9, finished.text
    assert all(line.endswith("-1 1") for line in lines), finished.text


def test_ordinary_programs_still_work(make_confined: MakeConfined) -> None:
    program = """
import multiprocessing, os, pty, shutil, socket, tempfile, threading
if __name__ == "__main__":
    with multiprocessing.Manager() as manager: print("manager", manager.list([1])[0])
    with multiprocessing.Pool(2) as pool: print(sum(pool.map(abs, [-1, -2])))
    print(os.path.exists("/dev/shm"), pty.openpty()[0] > 0)
    with tempfile.TemporaryDirectory() as folder: print(folder.startswith("/tmp"))
    threading.Thread(target=print, args=("thread",)).start()
"""
    workspace = make_confined({"ordinary.py": program})
    finished = shell(workspace, f"{sys.executable} ordinary.py")
    assert finished.text.split() == ["manager", "1", "3", "True", "True", "True", "thread"], finished.text


def test_a_command_that_leaves_its_group_ends_with_the_sandbox(make_confined: MakeConfined) -> None:
    workspace = make_confined({})
    shell(workspace, "setsid sh -c 'sleep 2; echo late > late' >/dev/null 2>&1 & echo started")
    threading.Event().wait(2.5)
    assert not (workspace.root / "late").exists()


def test_a_command_cancelled_before_its_start_leaves_no_descriptor(make_confined: MakeConfined) -> None:
    workspace = make_confined({"a.txt": "a"})

    async def main() -> None:
        assert (await workspace.run(["/bin/true"], timeout=30)).exit_code == 0
        before = len(os.listdir("/proc/self/fd"))
        for turns in range(12):
            call = asyncio.create_task(workspace.run(["/bin/sleep", "60"], timeout=90))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait({call})
            assert call.cancelled()
        assert (await workspace.run(["/bin/true"], timeout=30)).exit_code == 0
        assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(main())


def test_a_private_copy_is_seen_at_the_path_of_the_original(
    make_confined: MakeConfined, tmp_path: Path, bubblewrap: Sandbox
) -> None:
    original = make_confined({"a.txt": "original\n"})
    before = tree_hash(original.root)
    copies: list[Workspace] = []
    for number in range(2):
        copy = tmp_path / f"copy{number}"
        copy.mkdir()
        (copy / "a.txt").write_text(f"copy {number}\n")
        copies.append(Workspace(copy, state=tmp_path / "state", sandbox=bubblewrap, at=original.root))
    for number, workspace in enumerate(copies):
        finished = shell(
            workspace, f"pwd; cat {original.root}/a.txt; echo done > {original.root}/new; ls {copy}"
        )
        assert finished.text.splitlines()[:2] == [str(original.root), f"copy {number}"], finished
        assert "cannot access" in finished.text
        assert (tmp_path / f"copy{number}/new").exists()
        workspace.close()
    assert tree_hash(original.root) == before


def test_the_home_directory_cannot_be_a_confined_workspace(bubblewrap: Sandbox) -> None:
    home = Path("~").expanduser().resolve()
    with pytest.raises(NotAllowed, match="whole home directory"):
        bubblewrap.launch(["true"], Place(home, home), {})


def test_a_linked_worktree_sees_its_repository_and_a_false_pointer_shows_nothing(
    make_confined: MakeConfined, tmp_path: Path, bubblewrap: Sandbox
) -> None:
    from tests.conftest import git

    main = make_confined({"a.txt": "one\n"})
    git(main.root, "worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked", state=tmp_path / "state", sandbox=bubblewrap)
    assert "main" in shell(linked, f"ls {main.root}/.git/refs/heads").text
    (tmp_path / "false").mkdir()
    (tmp_path / "false/.git").write_text(f"gitdir: {main.root}/.git/worktrees/linked\n")
    false = Workspace(tmp_path / "false", state=tmp_path / "state", sandbox=bubblewrap)
    assert "main" not in shell(false, f"ls {main.root}/.git/refs/heads").text
    linked.close()
    false.close()


def test_a_program_outside_what_is_shown_is_named_with_the_flag_that_shows_it(
    make_confined: MakeConfined, tmp_path: Path
) -> None:
    (tmp_path / "tools").mkdir()
    program = tmp_path / "tools/own-tool"
    program.write_text("#!/bin/sh\necho it runs\n")
    program.chmod(0o755)
    workspace = make_confined({})
    with pytest.raises(Unavailable, match=f"--sandbox-read {tmp_path}/tools"):
        anyio.run(functools.partial(workspace.run, [str(program)], timeout=10))
    workspace.sandbox = choose([tmp_path / "tools"])
    assert shell(workspace, str(program)).text == "it runs\n"
