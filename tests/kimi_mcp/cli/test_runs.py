"""`kimi-mcp runs`: what a user sees of runs that are on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.cli import main
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.request import Request

Main = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("KIMI_MCP_STATE", str(tmp_path))
    monkeypatch.setenv("KIMI_MCP_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.chdir(tmp_path)
    made = create(tmp_path, Request(issue="add is wrong\nmore", root=tmp_path / "shop"))
    budget = ev.Budget()
    for event in (
        ev.Started(
            model="kimi-k2.6",
            window=1,
            mode="thinking",
            protocol="issue",
            budget=budget,
            system="s",
            functions=(),
            base="b",
        ),
        ev.Said(text="add is wrong", by="user", about="issue"),
        ev.Troubled(text="\x1b[31mred\x1b[0m"),
        ev.Ended(outcome=ev.Outcome(status="limit", reason="The budget is used up.", patch="+x")),
    ):
        made.append(event)
    return made


def kimi(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["runs", *arguments]) == code
    return capsys.readouterr().out


def test_the_list_names_each_run_its_end_and_its_issue(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    line = kimi(capsys, "list")
    assert line.split() == [folder.id, "limit", "shop", "add", "is", "wrong"]
    assert json.loads(kimi(capsys, "list", "--json"))["status"] == "limit"


def test_show_and_replay_tell_it_again_without_a_model(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = kimi(capsys, "show", "last")
    assert "Stopped at its budget: The budget is used up." in shown
    assert "\x1b" not in shown
    events = [ev.from_json(line) for line in kimi(capsys, "replay", folder.id, "--json").splitlines()]
    assert events == folder.events()


def test_export_writes_a_file_named_after_the_run(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kimi(capsys, "export", "last").strip() == f"{folder.id}.html"
    assert Path(f"{folder.id}.html").read_text().startswith("<!doctype html>")
    assert json.loads(kimi(capsys, "export", "last", "--format", "atif", "--out", "-"))


def test_watching_a_run_that_ended_gives_its_exit_code(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Stopped at its budget" in kimi(capsys, "watch", "last", code=4)


def test_what_cannot_be_done_is_told_in_one_sentence(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "cancel", "last"]) == 1
    assert capsys.readouterr().err == f"kimi-mcp: Run {folder.id} is not at work; nothing was cancelled.\n"
    assert main(["runs", "show", "nope"]) == 1
    assert capsys.readouterr().err == "kimi-mcp: There is no run 'nope'; see `kimi-mcp runs list`.\n"


def test_a_removed_run_is_gone(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    kimi(capsys, "remove", "last")
    assert kimi(capsys, "list") == ""
