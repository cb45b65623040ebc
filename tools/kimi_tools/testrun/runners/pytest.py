"""pytest, told by a plugin that is put beside it."""

import json
import re
from collections.abc import Sequence

from kimi_tools.testrun.manifest import ini_sections, toml_table
from kimi_tools.testrun.python_env import python_environment, python_for
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.suite import Job, Plan, Selection, Suite
from kimi_tools.testrun.tree import Tree, join, parent

TEST_FILES = ("test_*.py", "*_test.py")
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
NOTHING_COLLECTED = 5
"""pytest's exit code when no test was collected (docs.pytest.org, "Exit codes")."""


class Pytest:
    """The runner."""

    name = "pytest"
    suffixes = (".py",)
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Where pytest is configured; else where the tests speak of it."""
        found: dict[str, str] = {}
        for path in tree.named(
            "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", depth=3
        ):
            if parent(path) not in found and (why := _configured(path, tree.text(path))):
                found[parent(path)] = why
        if not found and (why := _mentioned(tree)):
            found["."] = why
        outer = [f for f in found if not any(o != f and (o == "." or f.startswith(f"{o}/")) for o in found)]
        return [
            Suite(self.name, folder, found[folder], size=len(tree.below(folder, *TEST_FILES)))
            for folder in outer
        ]

    async def plan(self, job: Job) -> Plan:
        """`python -m pytest` of the project's environment, or the project's own words, with our plugin."""
        words = job.suite.command
        if not words:
            python = await python_for(job, "pytest")
            words = (*python.argv, "-m", "pytest")
        place("kimi_mcp_pytest.py", job.scratch)
        chosen, select = _selected(job.selection)
        options = [
            "-p",
            "kimi_mcp_pytest",
            "-o",
            f"cache_dir={job.scratch / 'pytest_cache'}",
            "--tb=short",
            "--color=no",
            "--continue-on-collection-errors",
        ]
        return Plan(
            argv=[*words, *options, *chosen],
            environment={**python_environment(job), **select, **_source(job)},
            announces_end=True,
            nothing_codes=frozenset({NOTHING_COLLECTED}),
        )

    def owns(self, name: str) -> bool:
        """A node id: a Python file, then the parts behind `::`."""
        return re.match(r"[^\[]+\.py(::|$)", name) is not None


def _source(job: Job) -> dict[str, str]:
    """Where a project in src layout keeps its packages: tests can import them where it is not installed."""
    source = join(job.suite.folder, "src")
    if not any(job.workspace.exists(join(job.suite.folder, name)) for name in _PROJECT_FILES):
        return {}
    return {"KIMI_MCP_SOURCE": str(job.workspace.at / source)} if job.workspace.exists(source) else {}


def _selected(selection: Selection) -> tuple[list[str], dict[str, str]]:
    """The arguments, and the environment, that choose the tests.

    Ids and `-k` narrow each other on pytest's command line; where both are asked for, our plugin chooses.
    """
    if selection.ids and selection.parts:
        select = {"ids": selection.ids, "parts": selection.parts}
        return [*selection.paths], {"KIMI_MCP_SELECT": json.dumps(select)}
    words = [*map(_escaped, selection.ids), *selection.paths]
    if selection.parts:
        words = ["-k", " or ".join(_expression(part) for part in selection.parts), *words]
    return words, {}


def _escaped(id: str) -> str:
    """An id as pytest knows it: what is not ASCII in a parameter is written as an escape."""
    head, bracket, parameter = id.partition("[")
    return head + bracket + parameter.encode("ascii", "backslashreplace").decode()


def _expression(part: str) -> str:
    """A name's part as a pytest `-k` expression: as it is when it is one already."""
    if re.fullmatch(r"[\w.\[\]:+\-]+", part) or re.search(r"\b(and|or|not)\b", part):
        return f"({part})" if " " in part else part
    return " and ".join(re.findall(r"[\w.]+", part)) or part


def _configured(path: str, text: str) -> str:
    name = path.rpartition("/")[2]
    if name in ("pytest.ini", ".pytest.ini"):
        return path
    if name == "pyproject.toml":
        return f"[tool.pytest] in {path}" if toml_table(text, "tool", "pytest") else ""
    section = "pytest" if name == "tox.ini" else "tool:pytest"
    return f"[{section}] in {path}" if section in ini_sections(text) else ""


def _mentioned(tree: Tree) -> str:
    for path in tree.named("conftest.py", depth=3):
        return path
    for path in tree.named("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "noxfile.py", depth=0):
        if re.search(r"\bpytest\b", tree.text(path)):
            return f"{path} names pytest"
    for path in tree.named("*requirements*.txt", "*requirements*.in", "test*.txt", "dev*.txt", depth=2):
        if re.search(r"^pytest\b", tree.text(path), re.MULTILINE):
            return f"{path} names pytest"
    for path in tree.below(".", *TEST_FILES)[:200]:
        if re.search(r"^\s*(import pytest|from pytest\b)|^(async )?def test_", tree.text(path), re.MULTILINE):
            return f"{path} is written for pytest"
    return ""


PYTEST = Pytest()
