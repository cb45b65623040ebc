"""The rows of SWE-bench and its relatives, as one type.

Read from JSON, JSONL or parquet files in the row formats of SWE-bench, SWE-bench-Live, Multilingual and Pro,
and from the task folders of swebench 5 (`tasks/<id>/task.yaml` …).
"""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench.errors import BadInstances

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Instance:
    """One issue with its graded tests.

    `gold_patch` and `test_patch` are for grading only and never reach the agent. `excluded` maps graded test
    ids that cannot hold on any machine to the reason. `row` keeps the fields that only one format has.
    """

    id: str
    repo: str
    version: str
    base_commit: str
    problem: str
    gold_patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    row: Row = field(default_factory=lambda: dict[str, Any](), repr=False)


def load(path: Path, only: Sequence[str] = ()) -> list[Instance]:
    """The instances of a file or folder, in their order; with `only`, those ids alone.

    Raises `BadInstances` for what cannot be read, and for ids of `only` that are not there.
    """
    rows = _task_folders(path) if path.is_dir() else _file_rows(path)
    instances = [instance_of(row, number) for number, row in enumerate(rows, 1)]
    seen: set[str] = set()
    for instance in instances:
        if instance.id in seen:
            raise BadInstances(f"{path} holds the instance {instance.id} twice; remove one.")
        seen.add(instance.id)
    if only:
        if missing := [name for name in only if name not in seen]:
            raise BadInstances(
                f"{path} has no instance {', '.join(missing)}; look at its instance_id fields."
            )
        instances = [instance for instance in instances if instance.id in set(only)]
    return instances


def _file_rows(path: Path) -> list[Row]:
    try:
        if path.suffix == ".parquet":
            return _parquet_rows(path)
        text = path.read_text("utf-8")
    except OSError as error:
        raise BadInstances(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadInstances(f"{path} is not UTF-8 text; name a JSON, JSONL or .parquet file.") from None
    try:
        return _json_rows(text)
    except json.JSONDecodeError as error:
        raise BadInstances(f"{path} is not JSON or JSONL: line {error.lineno}, {error.msg}.") from None


def _json_rows(text: str) -> list[Row]:
    try:
        whole: object = json.loads(text)
    except json.JSONDecodeError:
        return [cast(Row, json.loads(line)) for line in text.splitlines() if line.strip()]
    if isinstance(whole, list):
        return cast(list[Row], whole)
    if isinstance(whole, dict):
        table = cast(dict[str, Any], whole)
        if "instance_id" in table:
            return [table]
        return [{"instance_id": name, **row} for name, row in table.items()]
    raise BadInstances("The file holds neither a list of instances nor a table of them by id.")


def _parquet_rows(path: Path) -> list[Row]:
    try:
        import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise BadInstances("Parquet files need pyarrow: pip install 'kimi-mcp[swebench]'.") from None
    table = parquet.read_table(path)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return cast(list[Row], table.to_pylist())  # pyright: ignore[reportUnknownMemberType]


def _task_folders(path: Path) -> list[Row]:
    """swebench 5: `[tasks/]<id>/` with task.yaml, tests.json, problem_statement.md, *.patch."""
    root = path / "tasks" if (path / "tasks").is_dir() else path
    folders = sorted(folder for folder in root.iterdir() if (folder / "task.yaml").is_file())
    if not folders:
        raise BadInstances(f"{path} holds no task folders (with a task.yaml); name a file or such a folder.")
    return [_task_row(folder) for folder in folders]


def _task_row(folder: Path) -> Row:
    import yaml

    def text(name: str) -> str:
        file = folder / name
        return file.read_text("utf-8") if file.is_file() else ""

    task = cast(dict[str, Any], yaml.safe_load(text("task.yaml")) or {})
    tests = cast(dict[str, Any], json.loads(text("tests.json") or "{}"))
    return {
        "instance_id": folder.name,
        **task,
        **tests,
        "problem_statement": text("problem_statement.md"),
        "hints_text": text("hints.md"),
        "patch": text("gold.patch"),
        "test_patch": text("test.patch"),
        "eval_script": text("eval.sh") or task.get("eval_script", ""),
    }


def instance_of(row: Row, number: int = 1) -> Instance:
    """One row as an instance. Raises `BadInstances` when it lacks what every instance has."""
    missing = [
        name for name in ("instance_id", "repo", "base_commit", "problem_statement") if not row.get(name)
    ]
    if missing:
        name = row.get("instance_id", f"number {number}")
        raise BadInstances(f"Instance {name} lacks {', '.join(missing)}; is this a file of SWE-bench rows?")
    return Instance(
        id=str(row["instance_id"]),
        repo=str(row["repo"]),
        version=str(row.get("version", "")),
        base_commit=str(row["base_commit"]),
        problem=str(row["problem_statement"]),
        gold_patch=str(row.get("patch") or ""),
        test_patch=str(row.get("test_patch") or ""),
        fail_to_pass=_names(row, "FAIL_TO_PASS", "fail_to_pass"),
        pass_to_pass=_names(row, "PASS_TO_PASS", "pass_to_pass"),
        excluded=dict(row.get("PASS_TO_PASS_excluded") or {}),
        row=row,
    )


_GRADING = frozenset(
    {
        "patch",
        "test_patch",
        "fail_to_pass",
        "pass_to_pass",
        "pass_to_pass_excluded",
        "hints_text",
        "eval_script",
    }
)


def secret_free(row: Row) -> dict[str, Any]:
    """A row without what an agent must not know: gold patch, graded tests, hints."""
    return {key: value for key, value in row.items() if key.lower() not in _GRADING}


def _names(row: Row, *keys: str) -> tuple[str, ...]:
    """A list of test ids; data sets hold it as a list, as JSON text (SWE-bench) or as Python text (Pro)."""
    value: object = next((row[key] for key in keys if row.get(key) is not None), ())
    if isinstance(value, str):
        try:
            value = cast(object, json.loads(value))
        except json.JSONDecodeError:
            try:
                value = cast(object, ast.literal_eval(value))
            except (ValueError, SyntaxError):
                raise BadInstances(f"{row['instance_id']}: {keys[0]} is not a list of test ids.") from None
    return tuple(str(name) for name in cast(Iterable[object], value))
