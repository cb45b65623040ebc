"""From the text of a log to test ids with their status, by the parser that a row names or brings along."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench import official
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.instances import Instance
from kimi_tools import sandbox

_SECONDS = 120

_RUN_PARSER = """\
import contextlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
scope = {"__name__": "parser"}
with contextlib.redirect_stdout(sys.stderr):
    exec((folder / "parser.py").read_text("utf-8"), scope)
    found = scope["parser"]((folder / "log.txt").read_text("utf-8"))
(folder / "found.json").write_text(json.dumps(found), "utf-8")
"""

_WORDS = (("pass", "PASSED"), ("fail", "FAILED"), ("skip", "SKIPPED"))
"""Live's parsers say pass, fail and skip in several spellings (`evaluation/evaluation.py` of SWE-bench-Live); what
else they say counts for nothing."""


async def parsed(parser: str, instance: Instance, log: str) -> dict[str, str]:
    """Test ids with PASSED, FAILED, ERROR, SKIPPED or XFAIL. Raises `BatchError` for a parser that fails."""
    if parser == "json":
        return _from_json(log)
    if "\n" in parser or "def parser" in parser:
        return {name: _status(word) for name, word in (await _by_source(parser, log)).items()}
    return official.parser(parser, instance.repo, instance.id)(log)


def _from_json(log: str) -> dict[str, str]:
    """Pro's report, behind the last line that announces one; empty when its parser gave none.

    A test that is told twice (two packages have one of its name) has passed where one of them did.
    """
    report = log.rpartition(official.REPORT)[2]
    start, end = report.find("{"), report.rfind("}")
    try:
        tests = cast(dict[str, Any], json.loads(report[start : end + 1]))["tests"]
        told = [(str(test["name"]), str(test["status"])) for test in tests]
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError):
        return {}
    return {**dict(told), **{name: status for name, status in told if status == "PASSED"}}


def _status(word: str) -> str:
    return next((status for part, status in _WORDS if part in word.lower()), word)


async def _by_source(source: str, log: str) -> dict[str, str]:
    """Run a data set's own parser on a log. It is code of strangers, so it runs confined, in its own process."""
    with tempfile.TemporaryDirectory(prefix="kimi-mcp-parser-") as name:
        folder = Path(name).resolve()
        (folder / "parser.py").write_text(source, "utf-8")
        (folder / "log.txt").write_text(log, "utf-8", newline="")
        done = await sandbox.run_confined(
            sandbox.Best(readable=[Path(sys.base_prefix)]),
            [sys.executable, "-I", "-c", _RUN_PARSER, str(folder)],
            sandbox.Place(folder, folder),
            timeout=_SECONDS,
        )
        answer = folder / "found.json"
        if not answer.is_file():
            said = done.text.strip().splitlines()[-1:] or ["it gave no result"]
            raise BatchError(f"The row's own log parser failed: {said[0][:300]}")
        found: object = json.loads(answer.read_text("utf-8"))
    if not isinstance(found, dict):
        raise BatchError("The row's own log parser gave no table of tests.")
    return {str(key): str(value) for key, value in cast(dict[object, object], found).items()}
