"""What runs an instance's graded tests, and by which rule their log is read: one answer per row format.

==================  ======================================  ===========================================
format              what runs                               where it can run
==================  ======================================  ===========================================
own `environment`   its `test_command`                      venv, none; docker where nothing else is known
swebench 5          `eval_script`                           docker
Live                `rebuild_cmds test_cmds print_cmds`     docker, none
Pro                 `run_script.sh` and `parser.py`         docker, none
others              swebench 4.1's tables                   docker, none; venv for Python
==================  ======================================  ===========================================
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from kimi_mcp.swebench import official
from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.grading import Rule
from kimi_mcp.swebench.instances import Instance, names_in
from kimi_mcp.swebench.recipe import own_environment


@dataclass(frozen=True, slots=True)
class GradedTests:
    """A bash script, and how its output is read.

    `parser`: the name of one of swebench's parsers; or, in Live, Python source with a function `parser(log)`;
    or `json`, for `{"tests": [{"name": …, "status": …}]}`. `marked`: the script prints the harness's own start
    and end lines. `whole`: it puts the graded tests in place, too. `files` lie beside the script, which finds them
    in `$HERE`.
    """

    script: str
    parser: str
    rule: Rule = "swebench"
    marked: bool = False
    whole: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    files: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


def graded_tests(instance: Instance, kind: str) -> GradedTests:
    """How the graded tests of an instance run in an environment of that kind (`venv`, `docker`, `none`).

    Raises `EnvironmentFailed` with what is missing.
    """
    row = instance.row
    own = own_environment(instance)
    if own.get("test_command") and kind != "docker":
        return _own(instance, own)
    if _needs_files(instance):
        raise EnvironmentFailed(
            f"{instance.id}: its tests need files (image_assets) that are fetched from the network; grade it with "
            "swebench's own harness."
        )
    if row.get("eval_script"):
        return _swebench_5(instance, kind)
    if row.get("test_cmds"):
        return _live(instance)
    if "before_repo_set_cmd" in row:
        return _pro(instance)
    if official.specs(instance.repo, instance.version) is not None:
        return _tables(instance, kind)
    if own.get("test_command"):
        return _own(instance, own)
    version = f" {instance.version}" if instance.version else ""
    raise EnvironmentFailed(
        f"{instance.id}: nothing says how its tests run: the row has no environment, eval_script or test_cmds, and "
        f"swebench 4.1 does not know {instance.repo}{version}."
    )


def _needs_files(instance: Instance) -> bool:
    """Whether the graded tests need pictures that no patch carries; others are only of the issue."""
    found: object = instance.row.get("image_assets") or {}
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except json.JSONDecodeError:
            return True
    assets = cast(Mapping[str, Any], found) if isinstance(found, Mapping) else {"test_patch": found}
    return bool(assets.get("test_patch") or (instance.row.get("eval_script") and assets.get("patch")))


def _rule(instance: Instance) -> Rule:
    return "fail_only" if official.fail_only(instance.repo) else "swebench"


def _own(instance: Instance, own: Mapping[str, Any]) -> GradedTests:
    parser = str(own.get("log_parser") or "") or official.parser_name(instance.repo)
    variables = cast(Mapping[str, object], own.get("variables") or {})
    texts = {name: str(value) for name, value in variables.items() if value is not None}
    command = str(own["test_command"])
    if "httpbin" in cast(Sequence[str], own.get("services") or ()):
        command = _with_httpbin(command)
    return GradedTests(command, parser, _rule(instance), variables=texts)


def _with_httpbin(command: str) -> str:
    """The test command with the service that it wants beside it, inside the same sandbox."""
    return (
        "python -m httpbin.core --port 8642 >/dev/null 2>&1 & service=$!; "
        "for try in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/8642) 2>/dev/null && break; sleep 0.1; done; "
        "export HTTPBIN_URL=http://127.0.0.1:8642/; "
        f"{command}; code=$?; kill $service; exit $code"
    )


def _swebench_5(instance: Instance, kind: str) -> GradedTests:
    row = instance.row
    if kind != "docker":
        raise EnvironmentFailed(f"{instance.id}: its eval_script is written for its image; use --env docker.")
    script = str(row["eval_script"]).replace(instance.base_commit, "HEAD")
    rule: Rule = "swebench5_fail_only" if row.get("eval_type") == "fail_only" else "swebench5"
    parser = str(row.get("log_parser") or "") or official.parser_name(instance.repo)
    return GradedTests(official.telling_exit_code(script), parser, rule, marked=True, whole=True)


def _live(instance: Instance) -> GradedTests:
    row = instance.row
    commands = [*_commands(row, "rebuild_cmds"), *_commands(row, "test_cmds"), *_commands(row, "print_cmds")]
    parser = str(row.get("log_parser") or row.get("parser") or "")
    if not parser:
        raise EnvironmentFailed(f"{instance.id}: its row has test_cmds but no log_parser.")
    return GradedTests("\n".join(commands), parser, "live")


def _commands(row: Mapping[str, Any], name: str) -> list[str]:
    value = row.get(name) or ()
    return [value] if isinstance(value, str) else [str(item) for item in cast(Sequence[object], value)]


def _pro(instance: Instance) -> GradedTests:
    row = instance.row
    missing = [name for name in ("run_script", "parsing_script") if not row.get(name)]
    if missing:
        raise EnvironmentFailed(
            f"{instance.id}: Pro's rows do not say how tests run; put the folder run_scripts of "
            "scaleapi/SWE-bench_Pro-os beside the file of instances."
        )
    chosen = ",".join(names_in(instance, "selected_test_files_to_run"))
    script = (
        "out=$(mktemp -d)\n"
        f'bash "$HERE/run_script.sh" {shlex.quote(chosen)} > "$out/stdout.log" 2> "$out/stderr.log"\n'
        "code=$?\n"
        'cat "$out/stdout.log" "$out/stderr.log"\n'
        "python=$(command -v python || command -v python3)\n"
        '"$python" "$HERE/parser.py" "$out/stdout.log" "$out/stderr.log" "$out/output.json"\n'
        f"echo; echo {shlex.quote(official.REPORT)}\n"
        'cat "$out/output.json"\n'
        "exit $code\n"
    )
    files = {"run_script.sh": str(row["run_script"]), "parser.py": str(row["parsing_script"])}
    return GradedTests(script, "json", "pro", files=files)


def _tables(instance: Instance, kind: str) -> GradedTests:
    row = {**instance.row, "test_patch": instance.test_patch, "version": instance.version}
    whole = kind == "docker"
    script = official.telling_exit_code(official.eval_script(row) if whole else official.test_script(row))
    return GradedTests(script, official.parser_name(instance.repo), _rule(instance), marked=True, whole=whole)
