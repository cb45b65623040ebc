"""`kimi-mcp bench` on a small repository."""

import json
from pathlib import Path

import pytest

from kimi_mcp.cli import main


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "shop.py").write_text(
        "def total_of_the_order(items):\n    return sum(items)\n\n\ntotal_of_the_order([])\n"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return root


def test_every_task_is_timed_and_the_repository_is_left_alone(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "bench.html"
    assert main(["bench", "--root", str(repository), "--rounds", "2", "--json", "--html", str(page)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["task"].split()[0] for row in rows} == {
        *("search_text", "find_files", "find_symbol", "find_references", "outline", "read_file")
    }
    assert all(row["tool_ms"] > 0 for row in rows)
    assert all(row["program_ms"] > 0 for row in rows if row["program"])
    assert [path.name for path in repository.iterdir()] == ["shop.py"]
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert "http" not in text


def test_a_folder_without_code_is_refused_in_one_sentence(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "shop.py").unlink()
    assert main(["bench", "--root", str(repository)]) == 1
    assert "No code was found" in capsys.readouterr().err
