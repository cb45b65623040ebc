"""Rows of every format become the same instances."""

import json
from pathlib import Path

import pytest

from kimi_mcp.swebench.errors import BadInstances
from kimi_mcp.swebench.instances import load

ROW = {
    "instance_id": "ada__engine-1",
    "repo": "ada/engine",
    "version": "1.0",
    "base_commit": "a" * 40,
    "problem_statement": "It stops.",
    "patch": "gold",
    "test_patch": "tests",
    "FAIL_TO_PASS": '["t::a"]',
    "PASS_TO_PASS": ["t::b"],
}
PRO = {key: value for key, value in ROW.items() if not key.isupper()} | {
    "fail_to_pass": "['t::a']",
    "pass_to_pass": "['t::b']",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", json.dumps(ROW) + "\n\n"),
        ("rows.json", json.dumps([ROW])),
        ("one.json", json.dumps(ROW)),
        ("table.json", json.dumps({"ada__engine-1": {k: v for k, v in ROW.items() if k != "instance_id"}})),
        ("pro.jsonl", json.dumps(PRO)),
    ],
)
def test_json_in_every_form_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    [instance] = load(tmp_path / name)
    assert instance.id == "ada__engine-1"
    assert instance.fail_to_pass == ("t::a",)
    assert instance.pass_to_pass == ("t::b",)


def test_parquet_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(
        pyarrow.Table.from_pylist([ROW]), tmp_path / "rows.parquet"
    )
    [instance] = load(tmp_path / "rows.parquet")
    assert instance.problem == "It stops."


def test_task_folders_of_swebench_5_are_read(tmp_path: Path) -> None:
    task = tmp_path / "tasks" / "ada__engine-1"
    task.mkdir(parents=True)
    (task / "task.yaml").write_text(f"repo: ada/engine\nbase_commit: {'a' * 40}\nlog_parser: pytest\n")
    (task / "tests.json").write_text(json.dumps({"FAIL_TO_PASS": ["t::a"], "PASS_TO_PASS": []}))
    (task / "problem_statement.md").write_text("It stops.")
    (task / "gold.patch").write_text("gold")
    [instance] = load(tmp_path)
    assert (instance.id, instance.gold_patch, instance.row["log_parser"]) == (
        "ada__engine-1",
        "gold",
        "pytest",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON or JSONL"),
        ("3", "neither a list"),
        (json.dumps([{"repo": "a/b"}]), "lacks instance_id"),
        (json.dumps([ROW, ROW]), "twice"),
        (json.dumps([{**ROW, "FAIL_TO_PASS": "not a list ("}]), "not a list of names"),
    ],
)
def test_what_is_not_instances_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(BadInstances, match=said):
        load(tmp_path / "rows.json")


def test_only_takes_named_instances_and_refuses_unknown_ones(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "instance_id": "ada__engine-2"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert [i.id for i in load(tmp_path / "rows.json", ["ada__engine-2"])] == ["ada__engine-2"]
    with pytest.raises(BadInstances, match="has no instance nobody"):
        load(tmp_path / "rows.json", ["nobody"])
