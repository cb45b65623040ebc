"""The only door to swebench 4.1, the official harness: its tables, log parsers and names.

swebench is an extra (`kimi-mcp[swebench]`) and its import takes seconds, so it is imported when it is
used. Version 4.1 is the last with per-repository tables; its log parsers are the ones that rows name.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from kimi_mcp.swebench.errors import BatchError

APPLY_PATCH_FAIL = ">>>>> Patch Apply Failed"
START_TEST_OUTPUT = ">>>>> Start Test Output"
END_TEST_OUTPUT = ">>>>> End Test Output"
TESTS_TIMEOUT = ">>>>> Tests Timed Out"
BAD_CODES = (APPLY_PATCH_FAIL, ">>>>> Reset Failed", ">>>>> Tests Errored", TESTS_TIMEOUT)
"""The markers in a log by which the official harness tells that no result can be read from it."""

REPORT = ">>>>> Report of the data set's own parser"
"""Our own line in the log of tests whose parser came with the row and has run beside them."""

EXIT_CODE = "Exit code of the tests:"
"""Our own line, behind the end marker, where parsers do not look."""

Parser = Callable[[str], dict[str, str]]


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"swebench.harness.{name}")
    except ImportError:
        raise BatchError("This needs the official harness: pip install 'kimi-mcp[swebench]'.") from None


def parser(name: str, repo: str, instance: str = "") -> Parser:
    """The log parser of that name (`django`, `parse_log_django` …); without a name, the one of the repository.

    A parser takes a log's text and returns test ids with PASSED, FAILED, ERROR, SKIPPED or XFAIL. Some read the
    logs of different instances (an id) in different ways. Raises `BatchError` where there is no such parser.
    """
    function = _parsers().get(name.removeprefix(_PREFIX)) if name else _parser_of(repo)
    if function is None:
        what = f"named '{name}'" if name else f"for {repo}"
        raise BatchError(f"swebench 4.1 has no log parser {what}.")
    spec = SimpleNamespace(repo=repo, instance_id=instance)
    return lambda log: cast(dict[str, str], function(log, spec))


_PREFIX = "parse_log_"


@cache
def _parsers() -> Mapping[str, Any]:
    """All parsers by their name, which is unique over the languages."""
    languages = ("python", "javascript", "go", "java", "rust", "c", "php", "ruby")
    found: dict[str, Any] = {}
    for language in languages:
        found |= cast(dict[str, Any], vars(_module(f"log_parsers.{language}")))
    return {
        name.removeprefix(_PREFIX): function for name, function in found.items() if name.startswith(_PREFIX)
    }


def _parser_of(repo: str) -> Any:
    return _module("log_parsers").MAP_REPO_TO_PARSER.get(repo)


def parser_name(repo: str) -> str:
    """The name of a repository's log parser."""
    function = _parser_of(repo)
    if function is None:
        raise BatchError(f"swebench 4.1 has no log parser for {repo}.")
    return str(function.__name__).removeprefix(_PREFIX)


def specs(repo: str, version: str) -> Mapping[str, Any] | None:
    """swebench's table entry for a version of a repository, of any language."""
    table = cast(dict[str, dict[str, Any]], _module("constants").MAP_REPO_VERSION_TO_SPECS)
    return cast("Mapping[str, Any] | None", table.get(repo, {}).get(version))


def eval_script(row: Mapping[str, Any]) -> str:
    """The script with which the harness grades this row in its image, on a repository of one commit.

    Prints the start and end markers. Call it only where `specs` knows the row's repository and version.
    """
    return "\n".join([_SHELL, *_eval_lines(row)]) + "\n"


def test_script(row: Mapping[str, Any]) -> str:
    """What of that script runs outside an image too: the build, the markers, and the tests between them.

    The shell tells each command, because some parsers find the tests' names there.
    """
    lines = _eval_lines(row)
    start, end = (lines.index(f": '{marker}'") for marker in (START_TEST_OUTPUT, END_TEST_OUTPUT))
    build = cast(list[str], (specs(row["repo"], row["version"]) or {}).get("build", []))
    return "\n".join([_SHELL, *build, *lines[start : end + 1]]) + "\n"


_SHELL = "set -uxo pipefail"


def _eval_lines(row: Mapping[str, Any]) -> list[str]:
    entry = specs(row["repo"], row["version"])
    make = _module("test_spec.create_scripts").make_eval_script_list
    return cast(list[str], make(row, entry, "testbed", "/testbed", "HEAD", row["test_patch"]))


def telling_exit_code(script: str) -> str:
    """A script that prints markers, made to tell and to end with the exit code of the command before the end marker.

    Its own would be that of the last command, which puts files back. A script without an end marker stays as it is.
    """
    lines = script.rstrip("\n").split("\n")
    ends = [number for number, line in enumerate(lines) if END_TEST_OUTPUT in line]
    if not ends:
        return script
    end = ends[-1]  # a test patch above may hold the words too
    kept, told = "KIMI_MCP_EXIT_CODE=$?", f'echo "{EXIT_CODE} $KIMI_MCP_EXIT_CODE"'
    whole = [*lines[:end], kept, lines[end], told, *lines[end + 1 :], "exit $KIMI_MCP_EXIT_CODE"]
    return "\n".join(whole) + "\n"


def requirement_paths(repo: str) -> tuple[str, ...]:
    """Where a repository keeps its requirement files; the first that exists counts."""
    return tuple(cast(dict[str, list[str]], _module("constants.python").MAP_REPO_TO_REQS_PATHS).get(repo, ()))


def fail_only(repo: str) -> bool:
    """Whether the harness counts a missing test of this repository as passed."""
    return repo in _module("constants").FAIL_ONLY_REPOS


def docker_trouble() -> str:
    """Why the Docker that the harness would use does not answer; empty when it does."""
    import importlib

    try:
        importlib.import_module("docker").from_env(timeout=20).ping()
    except Exception as error:
        return str(error).splitlines()[0][:200] or type(error).__name__
    return ""
