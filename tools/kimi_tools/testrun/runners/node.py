"""The test runner that comes with node."""

import re
from collections.abc import Sequence

from kimi_tools.testrun.node_env import (
    SUFFIXES,
    name_pattern,
    node_environment,
    owns_id,
    package_suites,
    put_reporter,
    split_ids,
)
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree

_ENDS = ("js", "cjs", "mjs")
TEST_FILES = tuple(
    f"{pattern}.{end}" for end in _ENDS for pattern in ("*.test", "*-test", "*_test", "test-*", "test")
)
_WITH_VALUE = ("--import", "--require", "-r", "--loader", "--experimental-loader", "--env-file", "-C")


class Node:
    """The runner."""

    name = "node"
    suffixes = SUFFIXES
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Packages whose script says `node --test`; else a repository with tests that import `node:test`."""
        found = package_suites(tree, self.name)
        if found:
            return found
        files = _test_files(tree, ".")
        for path in files[:100]:
            if re.search(r"""['"]node:test['"]""", tree.text(path)):
                return [Suite(self.name, ".", f"{path} uses node:test", size=len(files))]
        return []

    async def plan(self, job: Job) -> Plan:
        """`node --test` with our reporter beside the usual one."""
        selection = job.selection
        files, names = split_ids(selection.ids)
        paths = [file for path in (*selection.paths, *files) for file in _expanded(job, path)]
        own = job.suite.command[1:]
        flags = [word for word in _flags(own) if word != "--test"] if paths else list(own)
        argv = [
            job.workspace.program("node"),
            "--test",
            f"--test-reporter={put_reporter(job, 'kimi_mcp_node.mjs')}",
            "--test-reporter-destination=stderr",
            "--test-reporter=spec",
            "--test-reporter-destination=stdout",
        ]
        leaves = [id.rpartition(" > ")[2].rpartition("::")[2] for id in selection.ids if "::" in id]
        if leaves or selection.parts:
            pattern = "|".join(
                [name_pattern(names, selection.parts), *(name_pattern([leaf], []) for leaf in leaves)]
            )
            argv.append(f"--test-name-pattern={pattern.strip('|')}")
        return Plan(
            argv=[*argv, *(flag for flag in flags if flag != "--test"), *paths],
            environment=node_environment(job),
            announces_end=True,
        )

    def owns(self, name: str) -> bool:
        """`path::suite > test`."""
        return owns_id(name)


def _flags(own: Sequence[str]) -> list[str]:
    """The options of the project's own words, without the paths in them."""
    kept: list[str] = []
    for index, word in enumerate(own):
        if word.startswith("-") or (index and own[index - 1] in _WITH_VALUE):
            kept.append(word)
    return kept


def _expanded(job: Job, path: str) -> list[str]:
    """A folder as its test files: newer nodes take no folder."""
    if path.endswith(SUFFIXES):
        return [path]
    return [job.suite.inside(file) for file in _test_files(Tree(job.workspace), job.suite.outside(path))]


def _test_files(tree: Tree, folder: str) -> list[str]:
    named = set(tree.below(folder, *TEST_FILES))
    inside = {
        path for path in tree.below(folder, *(f"*.{end}" for end in _ENDS)) if "test" in path.split("/")[:-1]
    }
    return sorted(named | inside)


NODE = Node()
