"""The commands, as a shell sees them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeRepository


def kimi_mcp(
    *arguments: str, cwd: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line, its settings and state below `cwd`'s neighbour."""
    private = cwd.parent / "private"
    return subprocess.run(
        [sys.executable, "-c", "import sys; from kimi_mcp.cli import main; sys.exit(main())", *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "KIMI_MCP_STATE": str(private / "state"),
            "KIMI_MCP_CONFIG": str(private / "config.toml"),
            **environment,
        },
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def root(make_repository: MakeRepository) -> Path:
    return make_repository({"src/a.py": "one\ntwo\n", "list": ""})


def test_call_prints_the_result_of_a_tool_in_the_repository_around_the_current_directory(root: Path) -> None:
    done = kimi_mcp("call", "read_file", "path=src/a.py", "start=2", cwd=root / "src")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("2  two\n")


def test_tools_explains_every_argument_of_a_tool(root: Path) -> None:
    done = kimi_mcp("tools", "read_file", cwd=root)
    assert done.returncode == 0, done.stderr
    assert "  path " in done.stdout and "(string, required)" in done.stdout
    assert "  start " in done.stdout and "(integer, default 1)" in done.stdout


def test_call_prints_the_data_as_json_when_asked(root: Path) -> None:
    done = kimi_mcp("call", "read_file", "path=src/a.py", "--json", cwd=root)
    assert json.loads(done.stdout)["path"] == "src/a.py"


def test_a_failure_is_one_sentence_on_standard_error(root: Path) -> None:
    done = kimi_mcp("call", "read_file", "path=../x", cwd=root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kimi-mcp: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "read_fil"], "There is no tool 'read_fil'; there is read_file"),
        (["call", "read_file", "path"], "'path' is not name=value"),
        (["call", "read_file", "path=a", "colour=red"], "there is no argument 'colour'"),
        (["tools", "--toolsets", "files,magic"], "There is no toolset 'magic'"),
        (["call", "read_file", "path=a", "--root", "missing"], "missing' is not a directory"),
        (["call", "read_file", "path=etc/passwd", "--root", "/"], "which is not one repository"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(root: Path, arguments: list[str], told: str) -> None:
    done = kimi_mcp(*arguments, cwd=root)
    assert done.returncode == 1
    assert told in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_command_names_the_commands_there_are(root: Path) -> None:
    done = kimi_mcp("serv", cwd=root)
    assert done.returncode == 2
    assert "there is no command 'serv'; the commands are: " in done.stderr


def test_the_home_directory_is_never_taken_for_a_repository(root: Path) -> None:
    done = kimi_mcp("call", "read_file", "path=list", cwd=root, HOME=str(root))
    assert "which is not one repository" in done.stderr


def test_flags_win_over_the_environment_and_that_over_the_file(root: Path) -> None:
    settings = root.parent / "private" / "config.toml"
    settings.parent.mkdir()
    settings.write_text('toolsets = ["git"]\n')
    assert "read_file" not in kimi_mcp("tools", cwd=root).stdout
    assert "read_file" in kimi_mcp("tools", cwd=root, KIMI_MCP_TOOLSETS="files").stdout
    assert (
        "read_file" not in kimi_mcp("tools", "--toolsets", "git", cwd=root, KIMI_MCP_TOOLSETS="files").stdout
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("toolset = 1\n", "unknown names: toolset"),
        ("read_only = [\n", "is not TOML"),
        ("toolsets = 3\n", "list of"),
    ],
)
def test_a_broken_settings_file_is_explained(root: Path, content: str, told: str) -> None:
    settings = root.parent / "private" / "config.toml"
    settings.parent.mkdir()
    settings.write_text(content)
    done = kimi_mcp("tools", cwd=root)
    assert done.returncode == 1 and told in done.stderr
