"""Language servers: one that answers, and ones that are slow, dead or talk nonsense."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools import lsp
from kimi_tools.lsp import client as client_module
from kimi_tools.lsp import semantic, session
from kimi_tools.lsp.servers import Known, server_for
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

FILES: dict[str, str | bytes] = {
    "a.py": "class A:\n    def f(self): ...\n\nclass B:\n    def f(self): ...\n",
    "b.py": "from a import A, B\nA().f()\nB().f()\n",
}


def ask(
    workspace: Workspace, seconds: float = 60, version: int = 1, changed: tuple[str, ...] = ()
) -> lsp.Answer | None:
    question = lsp.Question("a.py", 2, "f", version, lambda since: changed if since < version else ())
    return lsp.references(workspace, question, seconds)


def test_ty_comes_with_the_package() -> None:
    found = server_for("python")
    assert found is not None
    assert found[0].name == "ty"


def test_ty_tells_methods_of_the_same_name_apart(make_workspace: MakeWorkspace) -> None:
    assert ask(make_workspace(FILES)) == lsp.Answer("ty", frozenset({("a.py", 2), ("b.py", 2)}))


def test_a_change_is_told_and_seen(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(FILES)
    ask(workspace)
    (workspace.root / "b.py").write_text("\nfrom a import A\nA().f(); A().f()\n")
    answer = ask(workspace, version=2, changed=("b.py",))
    assert answer is not None
    assert answer.places == {("a.py", 2), ("b.py", 3)}


def test_the_server_ends_with_the_workspace(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(FILES)
    ask(workspace)
    process = the_process(workspace)
    workspace.close()
    assert process.poll() is not None


def test_an_idle_server_is_ended(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = client_module.IDLE_SECONDS
    monkeypatch.setattr(client_module, "IDLE_SECONDS", 0.5)
    workspace = make_workspace(FILES)
    ask(workspace)
    the_process(workspace).wait(30)
    monkeypatch.setattr(client_module, "IDLE_SECONDS", usual)
    assert ask(workspace, version=2) is not None


SERVERS = {
    "ends at once": "",
    "talks nonsense": "print('hello', flush=True); import time; time.sleep(60)",
    "refuses": """
        import json, sys
        while True:
            size = int(sys.stdin.buffer.readline().split(b":")[1]); sys.stdin.buffer.readline()
            asked = json.loads(sys.stdin.buffer.read(size))
            if "id" in asked:
                body = json.dumps({"id": asked["id"], "error": {"code": 1, "message": "no"}}).encode()
                sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body); sys.stdout.flush()
        """,
    "promises too much": "print('Content-Length: 99999999999\\r\\n\\r\\n', end='', flush=True); input()",
}


@pytest.mark.parametrize("case", SERVERS)
def test_a_bad_server_is_as_good_as_none(
    case: str, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(tmp_path, monkeypatch, SERVERS[case])
    answer = ask(make_workspace(FILES))
    assert answer is not None
    assert answer.failed
    assert not answer.places


def test_a_slow_server_is_not_waited_for(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(tmp_path, monkeypatch, "import time; time.sleep(60)")
    answer = ask(make_workspace(FILES), seconds=0.2)
    assert answer == lsp.Answer("bad", frozenset(), pending=True)


def the_process(workspace: Workspace) -> subprocess.Popen[bytes]:
    (found,) = semantic._servers[workspace]._sessions.values()
    return found.client._process


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    path = folder / "bad"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(program)}\n")
    path.chmod(0o755)
    monkeypatch.setattr(
        semantic, "server_for", lambda _: (Known("bad", ("bad",), {"python": "python"}, False), str(path))
    )
    monkeypatch.setattr(session, "START_SECONDS", 2.0)
