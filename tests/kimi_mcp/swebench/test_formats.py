"""Each row format of the field, with its real fields: it is read, its tests run, and the log is graded."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench import official
from kimi_mcp.swebench.container import image_of
from kimi_mcp.swebench.errors import BatchError, EnvironmentFailed
from kimi_mcp.swebench.graded import graded_tests
from kimi_mcp.swebench.instances import instance_of, load, secret_free
from kimi_mcp.swebench.log_reading import parsed
from kimi_mcp.swebench.recipe import recipe_of
from kimi_mcp.swebench.works import validate
from tests.kimi_mcp.swebench.histories import make

PYTEST = f"{sys.executable} -m pytest -p no:cacheprovider -rA"
PY = {
    "engine.py": "def half(n):\n    return n // 3\n",
    "test_engine.py": "from engine import half\n\n\ndef test_zero():\n    assert half(0) == 0\n",
}
PY_FIX = {"engine.py": "def half(n):\n    return n // 2\n"}
PY_TESTS = {"test_engine.py": f"{PY['test_engine.py']}\n\ndef test_four():\n    assert half(4) == 2\n"}
F2P, P2P = ["test_engine.py::test_four"], ["test_engine.py::test_zero"]

LIVE_PARSER = """\
import re


def parser(log: str) -> dict[str, str]:
    found = {}
    for line in log.splitlines():
        match = re.match(r"(PASSED|FAILED|SKIPPED) (\\S+::\\S+)", line)
        if match:
            found[match[2]] = {"PASSED": "pass", "FAILED": "fail", "SKIPPED": "skip"}[match[1]]
    return found
"""
PRO_RUN = f'#!/bin/bash\nIFS="," read -ra files <<< "$1"\n{PYTEST} "${{files[@]}}"\n'
PRO_PARSER = """\
import json, re, sys

tests = []
for line in open(sys.argv[1]).read().splitlines():
    match = re.match(r"(PASSED|FAILED|SKIPPED) (\\S+::\\S+)", line)
    if match:
        tests.append({"name": match[2], "status": match[1]})
json.dump({"tests": tests}, open(sys.argv[3], "w"))
"""


@pytest.fixture
def common(tmp_path: Path) -> dict[str, Any]:
    return make(tmp_path / "histories", "ada/engine", PY, PY_FIX, PY_TESTS)


def live_python(common: dict[str, Any]) -> dict[str, Any]:
    """SWE-bench-Live's Python rows: lists, and the commands in the row."""
    return {
        **common,
        "pull_number": "12",
        "instance_id": "ada__engine-12",
        "issue_numbers": ["11"],
        "problem_statement": "half(4) is 1.",
        "hints_text": "",
        "all_hints_text": "",
        "commit_urls": ["https://localhost/ada/engine/commit/2"],
        "created_at": "2025-02-01T00:00:00Z",
        "test_cmds": [f"{PYTEST} test_engine.py"],
        "log_parser": "pytest",
        "difficulty": {"files": 1, "hunks": 1, "lines": 2},
        "FAIL_TO_PASS": F2P,
        "PASS_TO_PASS": P2P,
    }


def live_multilang(common: dict[str, Any]) -> dict[str, Any]:
    """SWE-bench-Live/MultiLang: rebuild, test and print commands, and the parser as Python source."""
    return {
        **live_python(common),
        "commit_url": "https://localhost/ada/engine/commit/2",
        "rebuild_cmds": ["true"],
        "test_cmds": [f"{PYTEST} test_engine.py > tests.log 2>&1"],
        "print_cmds": ["cat tests.log"],
        "log_parser": LIVE_PARSER,
        "docker_image": "starryzhang/sweb.eval.x86_64.ada_1776_engine-12",
    }


def pro(common: dict[str, Any]) -> dict[str, Any]:
    """SWE-bench Pro: lower-case lists as Python text; how tests run is in files beside the data set."""
    base = common["base_commit"]
    return {
        **common,
        "instance_id": "instance_ada__engine-2f1-vnan",
        "problem_statement": "half(4) is 1.",
        "requirements": "- half(n) rounds down.",
        "interface": "No new interfaces are introduced.",
        "repo_language": "python",
        "fail_to_pass": repr(F2P),
        "pass_to_pass": repr(P2P),
        "issue_specificity": '["major_bug"]',
        "issue_categories": '["back_end_knowledge"]',
        "before_repo_set_cmd": f"git reset --hard {base}\ngit clean -fd \ngit checkout {base} \n"
        f"git checkout {'f' * 40} -- test_engine.py",
        "selected_test_files_to_run": '["test_engine.py"]',
        "dockerhub_tag": "ada.engine-ada__engine-2f1",
    }


def verified(common: dict[str, Any]) -> dict[str, Any]:
    """SWE-bench Verified: the lists as JSON text; with an environment of its own, as no table knows this one."""
    return {
        **common,
        "instance_id": "ada__engine-1",
        "problem_statement": "half(4) is 1.",
        "hints_text": "",
        "created_at": "2023-01-01T00:00:00Z",
        "version": "1.0",
        "FAIL_TO_PASS": json.dumps(F2P),
        "PASS_TO_PASS": json.dumps(P2P),
        "environment_setup_commit": common["base_commit"],
        "difficulty": "<15 min fix",
        "environment": {"test_command": f"{PYTEST} test_engine.py", "log_parser": "pytest"},
    }


def validated(tmp_path: Path, row: dict[str, Any], suffix: str = "jsonl") -> dict[str, Any]:
    """What the gold patch shows in the environment `none`, of one row read from the named kind of file."""
    file = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        table = pyarrow.Table.from_pylist([row])
        pytest.importorskip("pyarrow.parquet").write_table(table, file)
    else:
        file.write_text(json.dumps(row))
    [instance] = load(file)
    arguments = {
        "row": dict(instance.row),
        "histories": [str(tmp_path / "histories")],
        "cache": str(tmp_path / "cache"),
        "environment": "none",
        "test_seconds": 300,
    }
    return dict(asyncio.run(validate(arguments, tmp_path / "work")).facts)


@pytest.mark.parametrize(
    ("form", "suffix"), [(verified, "jsonl"), (live_python, "parquet"), (live_multilang, "parquet")]
)
def test_rows_run_and_are_graded(tmp_path: Path, common: dict[str, Any], form: Any, suffix: str) -> None:
    facts = validated(tmp_path, form(common), suffix)
    assert facts["sound"], facts
    assert list(facts["before"]["not_fixed"]) == F2P
    assert list(facts["after"]["kept"]) == P2P


def test_pro_rows_run_with_the_scripts_beside_their_file(tmp_path: Path, common: dict[str, Any]) -> None:
    row = pro(common)
    scripts = tmp_path / "run_scripts" / row["instance_id"]
    scripts.mkdir(parents=True)
    (scripts / "run_script.sh").write_text(PRO_RUN)
    (scripts / "parser.py").write_text(PRO_PARSER)
    facts = validated(tmp_path, row)
    assert facts["sound"], facts
    assert list(facts["after"]["fixed"]) == F2P


def test_pro_rows_without_their_scripts_are_refused_in_a_sentence(
    tmp_path: Path, common: dict[str, Any]
) -> None:
    with pytest.raises(EnvironmentFailed, match="put the folder run_scripts"):
        validated(tmp_path, pro(common))


def test_pro_tells_the_agent_its_requirements_and_interface(common: dict[str, Any]) -> None:
    told = instance_of(secret_free(pro(common))).problem
    assert told == (
        "half(4) is 1.\n\nRequirements:\n- half(n) rounds down.\n\n"
        "New interfaces introduced:\nNo new interfaces are introduced."
    )


def test_a_live_parser_that_is_hostile_does_no_harm(tmp_path: Path, common: dict[str, Any]) -> None:
    target = tmp_path / "harmed"
    source = f"def parser(log):\n    open({str(target)!r}, 'w').write('x')\n    return {{}}\n"
    with pytest.raises(BatchError, match="log parser failed"):
        validated(tmp_path, {**live_multilang(common), "log_parser": source})
    assert not target.exists()


ROW = {"instance_id": "ada__engine-1", "base_commit": "a" * 40, "problem_statement": "It stops."}
ASSETS = '{"problem_statement": [], "patch": [], "test_patch": [{"path": "a.png", "url": "https://localhost/a.png"}]}'
LANGUAGES = {
    "go": ("gin-gonic/gin", "4003", "--- PASS: TestA (0.00s)", "TestA"),
    "rust": ("tokio-rs/tokio", "6724", "test write_all_buf ... ok", "write_all_buf"),
    "js": ("axios/axios", "5892", "ok 1 supports http", "supports http"),
    "python": ("sympy/sympy", "1.12", "test_a ok", "test_a"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_repositorys_official_parser_reads_the_log(language: str) -> None:
    repo, version, line, name = LANGUAGES[language]
    row = {**ROW, "repo": repo, "version": version}
    found = asyncio.run(parsed(official.parser_name(repo), instance_of(row), f"{line}\n"))
    assert found == {name: "PASSED"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_docker_the_official_script_runs_on_the_one_commit_that_there_is(
    common: dict[str, Any], language: str
) -> None:
    repo, version, _, _ = LANGUAGES[language]
    row = {**verified(common), "repo": repo, "version": version}
    del row["environment"]
    tests = graded_tests(instance_of(row), "docker")
    assert tests.marked
    assert "git checkout HEAD test_engine.py" in tests.script
    assert common["base_commit"] not in tests.script
    assert ">>>>> Start Test Output" in tests.script
    assert "def test_four" in tests.script


@pytest.mark.parametrize(
    ("form", "more", "image"),
    [
        (live_multilang, {}, "starryzhang/sweb.eval.x86_64.ada_1776_engine-12"),
        (live_python, {}, "starryzhang/sweb.eval.x86_64.ada_1776_engine-12:latest"),
        (pro, {}, "jefzda/sweap-images:ada.engine-ada__engine-2f1"),
        (verified, {}, "swebench/sweb.eval.x86_64.ada_1776_engine-1:latest"),
        (verified, {"image": "ghcr/own:1"}, "ghcr/own:1"),
    ],
)
def test_every_format_names_its_image(
    common: dict[str, Any], form: Any, more: dict[str, Any], image: str
) -> None:
    assert image_of(instance_of({**form(common), **more}))[0] == image


def test_what_cannot_run_is_refused_with_what_is_missing(common: dict[str, Any]) -> None:
    plain = {**verified(common), "environment": None}
    windows = {**live_multilang(common), "docker_image": "starryzhang/sweb.eval.win.ada_1776_engine-12"}
    five = {**plain, "eval_script": "true", "log_parser": "pytest"}
    known = {**plain, "repo": "axios/axios", "version": "5892"}
    of_the_issue = {
        **known,
        "image_assets": {"problem_statement": ["https://localhost/b.png"], "test_patch": []},
    }
    assert graded_tests(instance_of(of_the_issue), "docker").whole
    refusals = [
        (lambda: graded_tests(instance_of(plain), "docker"), "nothing says how its tests run"),
        (lambda: graded_tests(instance_of(five), "none"), "use --env docker"),
        (
            lambda: graded_tests(instance_of({**five, "image_assets": ASSETS}), "docker"),
            "image_assets",
        ),
        (
            lambda: graded_tests(instance_of({**live_python(common), "log_parser": ""}), "none"),
            "no log_parser",
        ),
        (lambda: graded_tests(instance_of({**known, "image_assets": ASSETS}), "docker"), "image_assets"),
        (lambda: image_of(instance_of(windows)), "for Windows"),
        (lambda: recipe_of(instance_of(live_python(common))), "use --env docker or none"),
        (lambda: recipe_of(instance_of({**plain, "environment": "venv"})), "not a table"),
        (lambda: recipe_of(instance_of({**plain, "environment": {"packages": []}})), "which Python"),
    ]
    for attempt, said in refusals:
        with pytest.raises(EnvironmentFailed, match=said):
            attempt()


def test_a_task_folder_of_swebench_5_keeps_its_line_ends(tmp_path: Path, common: dict[str, Any]) -> None:
    task = tmp_path / "tasks" / "ada__engine-1"
    task.mkdir(parents=True)
    (task / "task.yaml").write_text(
        f"instance_id: ada__engine-1\nrepo: ada/engine\nversion: '1.0'\nbase_commit: {common['base_commit']}\n"
        "split: test\nimage: own:1\nlog_parser: parse_log_pytest\neval_type: pass_and_fail\n"
    )
    (task / "tests.json").write_text(json.dumps({"FAIL_TO_PASS": F2P, "PASS_TO_PASS": P2P}))
    (task / "problem_statement.md").write_text("half(4) is 1.")
    crlf = common["patch"].replace("\n-", "\r\n-")
    (task / "gold.patch").write_bytes(crlf.encode())
    (task / "test.patch").write_text(common["test_patch"])
    (task / "eval.sh").write_text(
        f"#!/bin/bash\nset -uxo pipefail\n: '>>>>> Start Test Output'\n{PYTEST} test_engine.py\n"
        f": '>>>>> End Test Output'\ngit checkout {common['base_commit']} test_engine.py\n"
    )
    [instance] = load(tmp_path)
    assert instance.gold_patch == crlf
    tests = graded_tests(instance, "docker")
    assert "git checkout HEAD test_engine.py" in tests.script
    assert tests.rule == "swebench5"
    assert asyncio.run(parsed(tests.parser, instance, "PASSED test_engine.py::test_four\n")) == {
        F2P[0]: "PASSED"
    }
