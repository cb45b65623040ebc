"""Servers that hang, die, say rubbish or still read: no question waits for them in vain, and no process is left."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools import lsp
from kimi_tools.lsp import semantic, session
from kimi_tools.lsp.servers import Known, Ready
from kimi_tools.symbols import find_references
from kimi_tools.workspace import Workspace
from tests.kimi_tools.lsp import scripted

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]
Install = Callable[..., None]

FILES: dict[str, str | bytes] = {
    "a.py": "class A:\n    def f(self): ...\n\nclass B:\n    def f(self): ...\n",
    "b.py": "from a import A, B\nA().f()\nB().f()\n",
}
PLACES = frozenset({("a.py", 2), ("b.py", 2)})


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Have the scripted server, in one of its modes, be the one that is installed."""

    def make(mode: str, ready: Ready = "answers", seconds: float = 30.0) -> None:
        path = tmp_path / "scripted"
        path.write_text(f"#!/bin/sh\nexec {sys.executable} {scripted.__file__} '{mode}'\n")
        path.chmod(0o755)
        known = Known("scripted", ("scripted",), {"python": "python"}, False, True, ready=ready)
        monkeypatch.setattr(semantic, "server_for", lambda _: (known, str(path)))
        monkeypatch.setattr(semantic, "ANSWER_SECONDS", seconds)
        monkeypatch.setattr(session, "ANSWER_SECONDS", seconds)
        monkeypatch.setattr(session, "START_SECONDS", seconds)

    return make


def ask(workspace: Workspace, version: int = 1) -> lsp.Answer | None:
    question = lsp.Question("a.py", 2, "f", version, lambda _: (), ("a.py", "b.py"))
    return lsp.references(workspace, question, 120)


def processes(workspace: Workspace) -> list[subprocess.Popen[bytes]]:
    return [found.client._process for found in semantic._servers[workspace]._sessions.values()]


def failed(answer: lsp.Answer | None) -> str:
    assert answer is not None
    assert not answer.places
    assert not answer.whole
    return answer.failed


def test_the_dance_of_jdtls_is_waited_out(install: Install, make_workspace: MakeWorkspace) -> None:
    install("serves", ready="serving")
    assert ask(make_workspace(FILES)) == lsp.Answer("scripted", PLACES)


def test_a_server_that_is_still_reading_passes_no_empty_answer(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install(scripted.STILL_INDEXING, ready="serving", seconds=1.0)
    assert "not finished reading" in failed(ask(make_workspace(FILES)))


@pytest.mark.anyio
async def test_the_tool_says_why_a_server_gave_no_answer(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install("dies in a request")
    result = await find_references(make_workspace(FILES), {"name": "A.f"})
    assert "syntactic index, complete" in result.text
    assert "scripted was asked in vain: The language server has ended." in result.text


@pytest.mark.parametrize("mode", ["hangs at its start", "hangs in a request", "promises more than it says"])
def test_a_server_that_hangs_is_given_up_and_ended(
    mode: str, install: Install, make_workspace: MakeWorkspace
) -> None:
    install(mode, seconds=1.0)
    workspace = make_workspace(FILES)
    assert "did not answer" in failed(ask(workspace))
    assert all(process.poll() is not None for process in processes(workspace))


def test_a_server_that_did_not_start_is_not_started_again_at_once(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install("hangs at its start", seconds=1.0)
    workspace = make_workspace(FILES)
    first = failed(ask(workspace))
    before = processes(workspace)
    assert failed(ask(workspace, version=2)) == first
    assert processes(workspace) == before


def test_a_server_that_died_is_started_again(install: Install, make_workspace: MakeWorkspace) -> None:
    install("dies in a request")
    workspace = make_workspace(FILES)
    assert "has ended" in failed(ask(workspace))
    install("serves", ready="serving")
    assert ask(workspace) == lsp.Answer("scripted", PLACES)


def test_a_server_that_does_not_read_blocks_neither_question_nor_close(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install("does not read", seconds=1.0)
    workspace = make_workspace({**FILES, "a.py": str(FILES["a.py"]) + "x = 1\n" * 30_000})
    assert "did not answer" in failed(ask(workspace))
    (process,) = processes(workspace)
    workspace.close()
    assert process.poll() is not None


def test_a_server_that_ignores_its_end_is_killed(install: Install, make_workspace: MakeWorkspace) -> None:
    install("hangs at its end")
    workspace = make_workspace(FILES)
    assert ask(workspace) == lsp.Answer("scripted", PLACES)
    (process,) = processes(workspace)
    workspace.close()
    assert process.poll() is not None


@pytest.mark.parametrize("mode", ["asks without end", "is huge", "dies in a request"])
def test_a_server_that_floods_or_dies_is_ended(
    mode: str, install: Install, make_workspace: MakeWorkspace
) -> None:
    install(mode)
    workspace = make_workspace(FILES)
    assert "has ended" in failed(ask(workspace))
    assert all(process.wait(60) is not None for process in processes(workspace))


def test_a_server_whose_child_holds_its_output_open_has_ended_when_it_dies(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install("dies before its child", seconds=20)
    workspace = make_workspace(FILES)
    assert "has ended" in failed(ask(workspace))
    assert all(process.poll() is not None for process in processes(workspace))


HARMLESS = {"answers nobody", "notifies with rubbish"}


@pytest.mark.parametrize("mode", sorted(scripted.RUBBISH.keys() - HARMLESS - {"answers with a number"}))
def test_rubbish_is_no_answer(mode: str, install: Install, make_workspace: MakeWorkspace) -> None:
    install(mode)
    assert failed(ask(make_workspace(FILES)))


def test_an_answer_that_is_no_list_names_nothing(install: Install, make_workspace: MakeWorkspace) -> None:
    install("answers with a number")
    assert ask(make_workspace(FILES)) is None


@pytest.mark.parametrize("mode", [*sorted(HARMLESS), "floods its errors"])
def test_noise_beside_the_answer_does_not_matter(
    mode: str, install: Install, make_workspace: MakeWorkspace
) -> None:
    install(mode)
    assert ask(make_workspace(FILES)) == lsp.Answer("scripted", PLACES)


def test_an_answer_about_something_else_is_none(install: Install, make_workspace: MakeWorkspace) -> None:
    install("is about something else")
    assert "other places" in failed(ask(make_workspace(FILES)))


def test_a_server_that_is_just_taking_in_a_change_is_asked_again(
    install: Install, make_workspace: MakeWorkspace
) -> None:
    install("is about something else at first")
    assert ask(make_workspace(FILES)) == lsp.Answer("scripted", PLACES)
