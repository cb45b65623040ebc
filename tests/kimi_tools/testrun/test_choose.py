"""Finding how a repository is tested, and with which environment."""

import sys
import venv
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools.errors import BadArguments, NotFound, Unavailable
from kimi_tools.process import program
from kimi_tools.testrun import TestReport, run_tests
from kimi_tools.testrun.choose import choose, suites
from kimi_tools.testrun.tree import Tree
from kimi_tools.workspace import Workspace
from tests.kimi_tools.testrun.samples import give_environment, run

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

TEST = "def test_x(): pass\n"
CASE = "import unittest\n\nclass A(unittest.TestCase):\n    def test_x(self): pass\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[tool.pytest.ini_options]\n", "test_a.py": CASE}, "pytest"),
        ({"setup.cfg": "[tool:pytest]\n", "test_a.py": CASE}, "pytest"),
        ({"tox.ini": "[pytest]\n", "test_a.py": CASE}, "pytest"),
        ({"test_a.py": TEST}, "pytest"),
        ({"requirements-dev.txt": "pytest>=7\n", "test_a.py": CASE}, "pytest"),
        ({"test_a.py": CASE}, "unittest"),
        ({"manage.py": "DJANGO_SETTINGS_MODULE", "shop/tests.py": CASE, "shop/test_b.py": CASE}, "django"),
        ({"django/__init__.py": "", "tests/runtests.py": "", "tests/a/test_b.py": CASE}, "django"),
        ({"package.json": '{"scripts": {"test": "vitest run"}}'}, "vitest"),
        ({"package.json": '{"scripts": {"test": "yarn unit", "unit": "jest"}}'}, "jest"),
        ({"package.json": '{"devDependencies": {"mocha": "1"}}'}, "mocha"),
        ({"a.test.mjs": 'import test from "node:test";'}, "node"),
        ({"go.mod": "module x\n", "x_test.go": "package x"}, "go"),
        ({"Cargo.toml": "[package]\n", "src/lib.rs": ""}, "cargo"),
        ({"pom.xml": "<project/>", "src/test/java/ATest.java": ""}, "maven"),
        ({"build.gradle.kts": "", "src/test/kotlin/ATest.kt": ""}, "gradle"),
        ({".rspec": "", "spec/a_spec.rb": ""}, "rspec"),
        ({"composer.json": '{"require-dev": {"phpunit/phpunit": "9"}}', "tests/ATest.php": ""}, "phpunit"),
        ({"CMakeLists.txt": "enable_testing()\n"}, "ctest"),
    ],
)
def test_the_runner_is_found_by_the_files(
    make_workspace: MakeWorkspace, files: dict[str, str | bytes], expected: str
) -> None:
    assert [suite.runner for suite in suites(Tree(make_workspace(files)))] == [expected]


def test_other_peoples_code_and_damaged_manifests_say_nothing(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "node_modules/a/package.json": '{"scripts": {"test": "jest"}}',
            "lib/pyvenv.cfg": "",
            "lib/test_a.py": TEST,
            "package.json": "{",
            "pyproject.toml": "[[[",
            "setup.cfg": "no section\n",
        }
    )
    assert suites(Tree(workspace)) == []
    with pytest.raises(NotFound, match=r"name its command with command= or in kimi-mcp\.toml"):
        run(workspace)


def test_paths_choose_between_suites_and_the_others_are_named(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "pytest.ini": "[pytest]\n",
            "tests/test_a.py": TEST,
            "web/package.json": '{"scripts": {"test": "jest"}}',
            "web/a.test.js": "",
        }
    )
    tree = Tree(workspace)
    suite, others = choose(tree, [], [], "")
    assert (suite.runner, [other.runner for other in others]) == ("pytest", ["jest"])
    assert choose(tree, ["web/a.test.js"], [], "")[0].runner == "jest"
    assert choose(tree, ["web"], [], "")[0].runner == "jest"
    assert choose(tree, [], ["web/a.test.js::one"], "")[0].runner == "jest"
    with pytest.raises(BadArguments, match="several suites"):
        choose(tree, ["web/a.test.js", "tests/test_a.py"], [], "")
    with pytest.raises(Unavailable, match=r"jest is not installed for web .*run `npm install` there first"):
        run(workspace, paths=["web"])


def test_the_repositorys_own_settings_name_the_command(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {"kimi-mcp.toml": '[test]\ncommand = "sh check.sh"\n', "check.sh": "echo checked; exit 3\n"}
    )
    report = run(workspace)
    assert (report.runner, report.reason) == ("command", "test.command in kimi-mcp.toml")
    assert (report.verdict, report.exit_code) == ("failed", 3)
    assert "checked" in report.output


def test_a_given_command_is_run_with_the_reporter_when_it_names_a_runner(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace({"checks/test_a.py": TEST})
    give_environment(workspace.root)
    report = run(workspace, command=".venv/bin/python -m pytest checks")
    assert report.statuses() == {"checks/test_a.py::test_x": "passed"}


def test_of_any_other_command_only_the_exit_code_is_known(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "x"})
    result = anyio.run(run_tests, workspace, {"command": "test -f a && echo there | cat"})
    assert result.text.startswith("EXIT CODE 0: no tests recognised")
    assert "exit code 0; what it tested is not known" in result.text
    assert anyio.run(run_tests, workspace, {"command": "test -f b"}).text.startswith("EXIT CODE 1: no tests")


def test_the_projects_own_environment_comes_first(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"pytest.ini": "[pytest]\n", "sub/pytest.ini": "", "sub/test_a.py": TEST})
    give_environment(workspace.root)
    report = run(workspace, paths=["sub/test_a.py"])
    assert report.command.startswith(f"{workspace.root}/.venv/bin/python")
    assert report.cases[0].id == "sub/test_a.py::test_x"


def test_an_environment_of_tox_is_used_when_the_others_lack_the_runner(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"pytest.ini": "[pytest]\n", "test_a.py": TEST})
    venv.create(workspace.root / ".venv", symlinks=True, with_pip=False)
    folder = workspace.root / ".tox" / "py3"
    folder.mkdir(parents=True)
    give_environment(folder)
    (folder / ".venv").rename(workspace.root / ".tox" / "test")
    report = run(workspace)
    assert f"{workspace.root}/.tox/test/bin/python" in report.command
    assert report.verdict == "passed"


def test_an_environment_that_another_tool_keeps_is_asked_for(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(
        {"poetry.lock": "", "pyproject.toml": "[tool.poetry]\n[tool.pytest.ini_options]\n", "test_a.py": TEST}
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    give_environment(elsewhere)
    programs = tmp_path / "bin"
    programs.mkdir()
    poetry = programs / "poetry"
    poetry.write_text(f"#!/bin/sh\necho {elsewhere}/.venv/bin/python\n")
    poetry.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin")
    program.cache_clear()
    report = run(workspace)
    program.cache_clear()
    assert report.command.startswith(f"{elsewhere}/.venv/bin/python")


@pytest.mark.parametrize("broken", [{"a", "b"}, {"b"}])
def test_what_failed_is_run_again_in_every_suite_where_something_did(
    broken: set[str], make_workspace: MakeWorkspace
) -> None:
    def test(name: str) -> str:
        return f"def test_{name}(): assert {name not in broken}\n\ndef test_good(): ...\n"

    workspace = make_workspace(
        {
            f"{name}/{path}": text
            for name in "abc"
            for path, text in [("pytest.ini", "[pytest]\n"), (f"test_{name}.py", test(name))]
        }
    )
    for name in "abc":
        run(workspace, paths=[name])
    for name in broken:
        if name == "b":
            (workspace.root / "b" / "test_b.py").write_text("def test_b(): ...\n")
    result = anyio.run(run_tests, workspace, {"only": "failed"})
    assert isinstance(result.data, TestReport)
    reports = (result.data, *result.data.more)
    assert [(report.folder, report.verdict) for report in reports] == [
        (name, "failed" if name == "a" else "passed") for name in sorted(broken)
    ]
    assert all(len(report.cases) == 1 for report in reports)
    assert "c" in " ".join(result.data.others)
    if len(broken) == 2:
        assert result.text.startswith("2 suites were run:\n  FAILED: 1 failed in ")
        assert "PASSED: 1 passed" in result.text.splitlines()[-1]
        assert "FAILED a/test_a.py::test_a" in result.text
