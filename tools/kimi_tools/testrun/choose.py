"""Which suite a request means."""

import shlex
from collections.abc import Iterable, Sequence
from typing import cast

from kimi_tools.errors import BadArguments, NotFound
from kimi_tools.testrun import words
from kimi_tools.testrun.manifest import toml_table
from kimi_tools.testrun.runners import RUNNERS
from kimi_tools.testrun.runners.command import COMMAND
from kimi_tools.testrun.suite import Runner, Suite
from kimi_tools.testrun.tree import Tree

SETTINGS = "kimi-mcp.toml"
_BY_NAME: dict[str, Runner] = {runner.name: runner for runner in (*RUNNERS, COMMAND)}


def runner_named(name: str) -> Runner:
    """The runner of a suite."""
    return _BY_NAME[name]


def suites(tree: Tree) -> list[Suite]:
    """Every suite in the repository: nearest to the root first, then the one with the most test files."""
    found: dict[tuple[str, tuple[str, ...]], Suite] = {}
    for runner in RUNNERS:
        for suite in runner.find(tree):
            found.setdefault((suite.folder, runner.suffixes), suite)
    return sorted(found.values(), key=lambda suite: (_depth(suite.folder), -suite.size, suite.folder))


def from_command(command: str, folder: str, reason: str) -> Suite:
    """The suite that a command line runs: of the runner that it names, else the command as it is."""
    read = words.parse(command)
    if read is None:
        return Suite(COMMAND.name, folder, reason, ("sh", "-c", command))
    return Suite(read.runner, folder, reason, read.argv, read.environment)


def settings_command(tree: Tree) -> str:
    """The test command that the repository's own settings name; '' for none."""
    command = toml_table(tree.text(SETTINGS), "test").get("command")
    if isinstance(command, list):
        return shlex.join(str(word) for word in cast(list[object], command))
    return command if isinstance(command, str) else ""


def choose(tree: Tree, paths: Sequence[str], names: Sequence[str], command: str) -> tuple[Suite, list[Suite]]:
    """The suite to run, and the others that are here. Raises `NotFound`, `BadArguments`."""
    if command:
        return from_command(command, ".", "the given command"), []
    if command := settings_command(tree):
        return from_command(command, ".", f"test.command in {SETTINGS}"), []
    found = suites(tree)
    if not found:
        raise NotFound(
            "No test suite was found here (looked for pytest, unittest, Django, node, jest, vitest, mocha, go, "
            f"cargo, Maven, Gradle, ctest, RSpec, PHPUnit); name its command with command= or in {SETTINGS}."
        )
    hints = [*paths, *(name for name in names if _path_of(name, tree))]
    if not hints:
        return found[0], found[1:]
    chosen = {_suite_for(path, found) for path in hints}
    if len(chosen) > 1:
        which = ", ".join(sorted(_label(found[index]) for index in chosen))
        raise BadArguments(f"These tests belong to several suites ({which}); run one suite at a time.")
    index = chosen.pop()
    return found[index], [suite for number, suite in enumerate(found) if number != index]


def _path_of(name: str, tree: Tree) -> str:
    path = name.partition("::")[0]
    return path if tree.has(path) else ""


def _suite_for(path: str, found: Sequence[Suite]) -> int:
    """The index of the suite that a path belongs to: the deepest one around it that takes such files."""
    path = path.partition("::")[0]
    around = [i for i, suite in enumerate(found) if _contains(suite.folder, path)]
    fitting = [i for i in around if path.endswith(runner_named(found[i].runner).suffixes)] or around
    if fitting:
        return max(fitting, key=lambda i: (_depth(found[i].folder), -i))
    inside = [i for i, suite in enumerate(found) if _contains(path, suite.folder)]
    return inside[0] if inside else 0


def _contains(folder: str, path: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def _depth(folder: str) -> int:
    return 0 if folder == "." else folder.count("/") + 1


def _label(suite: Suite) -> str:
    return f"{suite.runner} in {suite.folder}"


def labels(found: Iterable[Suite]) -> tuple[str, ...]:
    """How results name suites that were not run."""
    return tuple(_label(suite) for suite in found)
