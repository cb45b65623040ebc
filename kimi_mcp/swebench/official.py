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

EXIT_CODE = "Exit code of the tests:"
"""Our own line, behind the end marker, where parsers do not look."""

Parser = Callable[[str], dict[str, str]]


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"swebench.harness.{name}")
    except ImportError:
        raise BatchError("This needs the official harness: pip install 'kimi-mcp[swebench]'.") from None


@cache
def parser(name: str, repo: str) -> Parser:
    """The log parser of that name (`django`, `pytest_v2` …), else the one of the repository.

    A parser takes a log's text and returns test ids with PASSED, FAILED, ERROR, SKIPPED or XFAIL.
    """
    parsers = _module("log_parsers")
    function: Any = None
    for language in ("python", "javascript", "go", "java", "rust", "c", "php", "ruby"):
        function = function or getattr(_module(f"log_parsers.{language}"), f"parse_log_{name}", None)
    function = function or parsers.MAP_REPO_TO_PARSER.get(repo)
    if function is None:
        raise BatchError(f"swebench 4.1 has no log parser named '{name}' and none for {repo}.")
    return lambda log: cast(dict[str, str], function(log, SimpleNamespace(repo=repo)))


def parser_name(repo: str) -> str:
    """The name of a repository's log parser."""
    function = _module("log_parsers").MAP_REPO_TO_PARSER.get(repo)
    if function is None:
        raise BatchError(f"swebench 4.1 has no log parser for {repo}.")
    return str(function.__name__).removeprefix("parse_log_")


def specs(repo: str, version: str) -> Mapping[str, Any] | None:
    """swebench's table entry for a version of a repository, of any language."""
    table = cast(dict[str, dict[str, Any]], _module("constants").MAP_REPO_VERSION_TO_SPECS)
    return cast("Mapping[str, Any] | None", table.get(repo, {}).get(version))


def eval_script(row: Mapping[str, Any]) -> str:
    """The script with which the harness grades this row in its image, on a repository of one commit.

    Prints the start and end markers. Call it only where `specs` knows the row's repository and version.
    """
    lines = _module("test_spec.create_scripts").make_eval_script_list(
        row, specs(row["repo"], row["version"]), "testbed", "/testbed", "HEAD", row["test_patch"]
    )
    return "\n".join(["set -uxo pipefail", *cast(list[str], lines)]) + "\n"


def test_commands(row: Mapping[str, Any]) -> list[str]:
    """What the harness runs between its markers, after a build where the tables have one."""
    entry = specs(row["repo"], row["version"]) or {}
    commands = cast("str | list[str]", entry["test_cmd"])
    if "python" in entry:
        last = commands if isinstance(commands, str) else commands[-1]
        return [" ".join([last, *_directives(row)])]
    return [
        *cast(list[str], entry.get("build", [])),
        *([commands] if isinstance(commands, str) else commands),
    ]


def requirement_paths(repo: str) -> tuple[str, ...]:
    """Where a repository keeps its requirement files; the first that exists counts."""
    return tuple(cast(dict[str, list[str]], _module("constants.python").MAP_REPO_TO_REQS_PATHS).get(repo, ()))


def _directives(row: Mapping[str, Any]) -> list[str]:
    """The test files or modules that a row's test patch touches, as its test command takes them."""
    return cast(list[str], _module("test_spec.python").get_test_directives(row))


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
