"""No secret reaches a model, a log or a commit."""

import asyncio
import base64
import os
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.cli import offered
from kimi_tools import redact
from kimi_tools.errors import ToolError
from kimi_tools.sandbox import Sandbox
from kimi_tools.workspace import Workspace
from tests.stdio_client import StdioClient

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]
TOOLS = {tool.name: tool for tool in offered.all_tools()}
CANARY = "zQ8-canary-Value-4711"

SECRET_FILES = [
    ".env",
    "id_rsa",
    "server.pem",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "kubeconfig",
    "conf/.env.local",
]


def told(workspace: Workspace, name: str, **arguments: Any) -> str:
    try:
        result = asyncio.run(TOOLS[name](workspace, arguments))
    except ToolError as error:
        return f"refused: {error}"
    return result.text + result.data.model_dump_json()


@pytest.mark.parametrize("path", SECRET_FILES)
def test_a_file_of_secrets_is_not_read_searched_shown_or_committed(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox, path: str
) -> None:
    workspace = make_workspace({"a.py": "x = 1\n"})
    workspace.sandbox = bubblewrap
    (workspace.root / path).parent.mkdir(exist_ok=True)
    (workspace.root / path).write_text(f"-----BEGIN PRIVATE KEY-----\ntoken={CANARY}\n")
    (workspace.root / "alias").symlink_to(path)
    answers = [
        told(workspace, "read_file", path=path),
        told(workspace, "read_file", path="alias"),
        told(workspace, "search_text", pattern="token="),
        told(workspace, "search_text", pattern="canary", path=path),
        told(workspace, "search_text", pattern="canary", ignored=True),
        told(workspace, "git_diff"),
        told(workspace, "git_commit", message="x", paths=[path], branch="side"),
        told(workspace, "edit_file", path=path, old="token=", new="x="),
        told(workspace, "git_status"),
    ]
    assert not any(CANARY in answer for answer in answers)
    assert answers[0].startswith("refused:") and answers[1].startswith("refused:")
    assert answers[6].startswith("refused:")
    assert CANARY in (workspace.root / path).read_text()


def test_tests_that_print_the_environment_print_no_secret(
    make_workspace: MakeWorkspace, bubblewrap: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("OPENAI_API_KEY", "MOONSHOT_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HTTPS_PROXY")
    for name in names:
        monkeypatch.setenv(name, f"http://u:{CANARY}@proxy.invalid/" if "PROXY" in name else CANARY)
    workspace = make_workspace({"a": ""})
    for box in (workspace.sandbox, bubblewrap):
        workspace.sandbox = box
        answer = told(
            workspace, "run_command", command=f"{sys.executable} -c 'import os; print(dict(os.environ))'"
        )
        assert "PATH" in answer and CANARY not in answer
        assert not any(name in answer for name in names)


@pytest.mark.parametrize("offset", [-30, -15, -1, 0, 1])
def test_a_key_across_two_reads_of_a_flood_is_masked(make_workspace: MakeWorkspace, offset: int) -> None:
    key = "gh" + "p_" + "aB3dE5" * 6
    script = f"""
import sys, time
sys.stdout.write("x" * (65536 - 4 + {offset}) + " " + "{key[:20]}")
sys.stdout.flush(); time.sleep(0.1)
sys.stdout.write("{key[20:]} end\\n")
"""
    workspace = make_workspace({"flood.py": script})
    pieces: list[bytes] = []

    async def run() -> bytes:
        done = await workspace.run([sys.executable, "flood.py"], timeout=30, on_output=pieces.append)
        return done.stdout

    for seen in (asyncio.run(run()), b"".join(pieces)):
        assert key.encode() not in seen and b"[GitHub token left out] end" in seen


def test_a_known_value_is_masked_in_every_form_that_a_test_prints(make_workspace: MakeWorkspace) -> None:
    redact.know(CANARY)
    forms = [CANARY, base64.b64encode(CANARY.encode()).decode(), urllib.parse.quote(CANARY, safe="")]
    forms.append(f"\x1b[1m{CANARY[:6]}\x1b[0m{CANARY[6:]}")  # coloured in its middle
    workspace = make_workspace({"forms.txt": "\n".join(forms)})
    for answer in (
        told(workspace, "run_command", command="cat forms.txt"),
        told(workspace, "read_file", path="forms.txt"),
    ):
        assert not any(form in answer for form in forms[:3])
        assert CANARY[6:] not in answer


def test_the_password_of_a_remote_is_masked(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": ""})
    url = "https://user:" + "hunter2-" + "xyzzy" + "@example.invalid/r.git"
    answer = told(
        workspace, "run_command", command=f"git -c protocol.allow=always fetch {url} 2>&1; echo {url}"
    )
    assert "hunter2" not in answer and "example.invalid" in answer


def test_what_only_looks_random_is_not_masked(make_workspace: MakeWorkspace) -> None:
    lines = [
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "123e4567-e89b-12d3-a456-426614174000",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]
    workspace = make_workspace({"lock.txt": "\n".join(lines)})
    answer = told(workspace, "read_file", path="lock.txt")
    assert all(line in answer for line in lines)


def test_nothing_that_the_server_keeps_holds_a_key_and_all_of_it_is_private(tmp_path: Path) -> None:
    """A server at work: an edit that is journalled, a command, a failure, and a key in the environment."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")
    with StdioClient(root, "--toolsets", "all", environment={"MOONSHOT_API_KEY": CANARY}) as client:
        client.initialize()
        client.call("edit_file", path="a.py", old="x = 1", new="x = 2")
        client.call("run_command", command="env; cat /proc/1/environ")
        client.call("read_file", path=f"{CANARY}.py")
        client.call("search_text", pattern=CANARY)
        assert CANARY.encode() not in b"".join(line for line in client.raw)
        state = root.parent / f"{root.name}.private" / "state"
        kept = [path for path in state.rglob("*") if path.is_file()]
        assert kept
        for path in kept:
            assert CANARY.encode() not in path.read_bytes(), path
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_no_command_takes_a_key_as_an_argument() -> None:
    for command in ("fix", "serve", "call", "setup"):
        done = subprocess.run(
            [sys.executable, "-m", "kimi_mcp", command, "--help"],
            capture_output=True,
            text=True,
            env=os.environ,
        )
        assert done.returncode == 0, done.stderr
        assert "api-key" not in done.stdout and "--key" not in done.stdout and "--token" not in done.stdout
