"""unittest, run by a module of ours that discovers like it and tells what happens."""

import json
import re
from collections.abc import Sequence

from kimi_tools.testrun.python_env import python_environment, python_for
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree

TEST_FILES = ("test*.py", "*_test.py", "*_tests.py", "tests.py")
LOOKED_AT = 200
"""How many test files are read at most to see what they are written for."""


class Unittest:
    """The runner."""

    name = "unittest"
    suffixes = (".py",)
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """The repository's root, where a test file uses unittest."""
        files = tree.below(".", *TEST_FILES)
        for path in files[:LOOKED_AT]:
            if re.search(r"^\s*(import unittest|from unittest\b)", tree.text(path), re.MULTILINE):
                return [Suite(self.name, ".", f"{path} uses unittest", size=len(files))]
        return []

    async def plan(self, job: Job) -> Plan:
        """Our module in the project's environment, with the selection in a file."""
        python = await python_for(job)
        place("kimi_mcp_unittest.py", job.scratch)
        selection = job.selection
        select = {
            "paths": selection.paths or _files(job) or ["."],
            "ids": [label(id) for id in selection.ids],
            "parts": selection.parts,
        }
        file = job.scratch / "select.json"
        file.write_text(json.dumps(select), encoding="utf-8")
        return Plan(
            argv=[*python.argv, "-m", "kimi_mcp_unittest", str(file)],
            environment=python_environment(job),
            announces_end=True,
        )

    def owns(self, name: str) -> bool:
        """Ids are dotted names, which parts of names can be too; the known ones are recognised anyway."""
        return False


def label(id: str) -> str:
    """What to run for an id: of a class or module whose set-up failed, all of it."""
    match = re.fullmatch(r"(?:setUp|tearDown)(?:Class|Module) \((.+)\)", id)
    return match[1] if match else id


def _files(job: Job) -> list[str]:
    """The files that ids lie in, where every id says so by its dotted path."""
    found: list[str] = []
    for id in () if job.selection.parts else job.selection.ids:
        parts = label(id).split(".")
        names = ["/".join(parts[:end]) + ".py" for end in range(len(parts), 0, -1)]
        file = next((name for name in names if job.workspace.exists(job.suite.outside(name))), None)
        if file is None:
            return []
        found.append(file)
    return list(dict.fromkeys(found))


UNITTEST = Unittest()
