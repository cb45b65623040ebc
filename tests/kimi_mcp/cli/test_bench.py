"""`kimi-mcp bench` on a small repository, with real servers over stdio."""

import json
import sys
from pathlib import Path

import pytest

from kimi_mcp.cli import main
from kimi_tools.catalog import TOOLS
from tests.conftest import git, write_files

PEER = """#!{python}
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = {{}}
    if message["method"] == "initialize":
        result = {{"protocolVersion": "2025-11-25", "capabilities": {{}},
                  "serverInfo": {{"name": "x", "version": "1"}}}}
    elif message["method"] == "tools/list":
        result = {{"tools": [{{"name": "git_status"}}, {{"name": "git_log"}}]}}
    elif message["params"]["name"] == "git_log":
        result = {{"content": [{{"type": "text", "text": "it is broken"}}], "isError": True}}
    else:
        result = {{"content": [{{"type": "text", "text": message["params"]["arguments"]["repo_path"]}}]}}
    print(json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": result}}), flush=True)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    write_files(
        root,
        {
            "shop.py": "def total_of_the_order(items):\n    return sum(items) + 0\n\n\ndef other():\n    return 1\n",
            "test_shop.py": "from shop import total_of_the_order\n\n\ndef test_it():\n    total_of_the_order([])\n",
        },
    )
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return root


def test_every_tool_is_measured_or_named_with_the_reason_and_the_repository_is_left_alone(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mcp-server-git").write_text(PEER.format(python=sys.executable))
    (programs / "mcp-server-git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/local/bin:/usr/bin:/bin")
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    page = tmp_path / "bench.html"
    assert main(["bench", "--repo", str(repository), "--rounds", "2", "--json", "--html", str(page)]) == 0
    report = json.loads(capsys.readouterr().out)
    rows = {row["task"]: row for row in report["rows"]}
    told = {name.split()[0] for name in (*rows, *report["not_run"])}
    assert {tool.name for tool in TOOLS} <= told, report["not_run"]
    unexpected = {name for name in report["not_run"] if name in told and "resolve" not in name}
    assert unexpected <= {"Serena", "agent-lsp", "server-filesystem"}, report["not_run"]
    assert {"edit_file", "apply_patch", "undo", "rename_symbol", "git_commit"} <= {
        name.split()[0] for name in rows
    }
    assert all(row["median_ms"] > 0 and row["p95_ms"] >= row["median_ms"] for row in rows.values())
    status = rows["git_status"]
    assert set(status["others"]) == {"git", "mcp-server-git"}
    assert status["others"]["git"]["ratio"] == pytest.approx(
        status["others"]["git"]["median_ms"] / status["median_ms"]
    )
    assert report["not_run"]["git_log 10 commits, mcp-server-git"] == "it is broken"
    assert report["not_run"]["Serena"] == "no 'serena' on PATH"
    assert "asks a model" in report["not_run"]["resolve_issue"]
    assert report["untouched"]
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before
    text = page.read_text("utf-8")
    assert text.count("<section>") == len(rows)
    assert "prefers-color-scheme:dark" in text
    assert "http" not in text.replace("http-equiv", "")


def test_other_servers_are_left_out_where_the_repository_names_programs(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = tmp_path / "sprung"
    git(repository, "config", "core.fsmonitor", f"touch {trap}")
    git(repository, "config", "filter.trap.clean", f"touch {trap}")
    (repository / ".gitattributes").write_text("*.py filter=trap\n")
    assert main(["bench", "--repo", str(repository), "--rounds", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "names programs" in report["not_run"]["other MCP servers"]
    assert not trap.exists()


def test_a_folder_without_code_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "empty").mkdir()
    assert main(["bench", "--repo", str(tmp_path / "empty")]) == 1
    assert "No code was found" in capsys.readouterr().err


def test_the_flags_that_say_what_commands_may_do_reach_the_server_that_is_measured(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bench", "--repo", str(repository), "--rounds", "1", "--no-peers", "--json"]
    assert main([*arguments, "--max-memory", "much"]) == 1
    assert "much" in capsys.readouterr().err
    assert main([*arguments, "--no-sandbox"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert any(row["task"].startswith("run_command") for row in report["rows"])
