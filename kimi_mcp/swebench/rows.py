"""Reading the rows of a data set, whatever the file: JSON, JSONL, parquet, or the task folders of swebench 5."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench import source
from kimi_mcp.swebench.errors import BadInstances

Row = Mapping[str, Any]

_TASK_FILES = {
    "patch": "gold.patch",
    "test_patch": "test.patch",
    "problem_statement": "problem_statement.md",
    "hints_text": "hints.md",
    "eval_script": "eval.sh",
}
"""swebench 5: the columns that a task folder keeps as files of their own (`swebench/task/repo.py`)."""

_PRO_FILES = {"run_script": "run_script.sh", "parsing_script": "parser.py"}
"""Pro: how tests run and are read is not in the rows but in `run_scripts/<id>/` of scaleapi/SWE-bench_Pro-os."""


def read(path: Path) -> list[Row]:
    """The rows of a file or folder, in their order, not looked into. Raises `BadInstances`."""
    rows = _task_folders(path) if path.is_dir() else _file(path)
    if not rows:
        raise BadInstances(f"{path} holds no instances.")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            kind = type(row).__name__
            raise BadInstances(
                f"Row {number} of {path} is a {kind}, not an object with an instance's fields."
            )
    scripts = path.parent / "run_scripts"
    return [
        _with_scripts(row, scripts) if "before_repo_set_cmd" in row else row for row in cast(list[Row], rows)
    ]


def _file(path: Path) -> list[object]:
    data = source.data(path)
    if path.suffix == ".parquet" or data.startswith(b"PAR1"):
        return _parquet(path, data)
    if data.startswith((b"\x1f\x8b", b"PK\x03\x04", b"(\xb5/\xfd", b"BZh", b"\xfd7zXZ")):
        raise BadInstances(f"{path} is compressed; unpack it first.")
    if not data.strip():
        raise BadInstances(f"{path} is empty.")
    try:
        return _json(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInstances(f"{path} is not UTF-8 text; name a JSON, JSONL or .parquet file.") from None
    except RecursionError:
        raise BadInstances(f"{path} is nested too deeply to be a file of instances.") from None


def _json(path: Path, text: str) -> list[object]:
    try:
        whole: object = json.loads(text)
    except json.JSONDecodeError as error:
        return _jsonl(path, text, error)
    if isinstance(whole, list):
        return cast(list[object], whole)
    if isinstance(whole, dict):
        table = cast(dict[str, object], whole)
        if all(isinstance(row, dict) for row in table.values()):
            return [{"instance_id": name, **cast(dict[str, Any], row)} for name, row in table.items()]
        return [table]
    raise BadInstances(f"{path} holds neither a list of instances nor a table of them by id.")


def _jsonl(path: Path, text: str, whole: json.JSONDecodeError) -> list[object]:
    """One object per line. Lines end at line feeds alone: JSON text may hold other separators as they are."""
    lines = text.split("\n")
    if len([line for line in lines if line.strip()]) < 2 or not lines[0].lstrip().startswith("{"):
        raise BadInstances(f"{path} is not JSON or JSONL: line {whole.lineno}, {whole.msg}.")
    rows: list[object] = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            cut = " (the file ends there: was it cut?)" if number == len(lines) else ""
            raise BadInstances(f"{path} is not JSON or JSONL: line {number}, {error.msg}{cut}.") from None
    return rows


def _parquet(path: Path, data: bytes) -> list[object]:
    try:
        import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise BadInstances("Parquet files need pyarrow: pip install 'kimi-mcp[swebench]'.") from None
    try:
        table = parquet.read_table(BytesIO(data))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except (ValueError, OSError) as error:  # what pyarrow raises for a broken file are ValueErrors
        raise BadInstances(
            f"{path} is not a whole parquet file: {str(error).splitlines()[0][:200]}"
        ) from None
    return cast(list[object], table.to_pylist())  # pyright: ignore[reportUnknownMemberType]


def _task_folders(path: Path) -> list[object]:
    """swebench 5: `[tasks/]<id>/` with task.yaml, tests.json, problem_statement.md, *.patch, eval.sh."""
    root = path / "tasks" if (path / "tasks").is_dir() else path
    folders = sorted(folder for folder in root.iterdir() if (folder / "task.yaml").is_file())
    if not folders:
        raise BadInstances(f"{path} holds no task folders (with a task.yaml); name a file or such a folder.")
    return [_task(folder) for folder in folders]


def _task(folder: Path) -> Row:
    import yaml

    try:
        task: object = yaml.safe_load(_text(folder / "task.yaml") or "{}")
        tests: object = json.loads(_text(folder / "tests.json") or "{}")
        texts = {column: text for column, name in _TASK_FILES.items() if (text := _text(folder / name))}
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInstances(
            f"The task folder {folder} cannot be read: {str(error).splitlines()[0]}."
        ) from None
    if not isinstance(task, dict) or not isinstance(tests, dict):
        raise BadInstances(f"The task folder {folder} has a task.yaml or tests.json that is not a table.")
    fields = cast(dict[str, Any], {**task, **tests})
    return {"instance_id": folder.name, **fields, **texts}


def _with_scripts(row: Row, scripts: Path) -> Row:
    """A Pro row with the scripts that lie beside its file. Its id names their folder, so it is a plain name."""
    folder = scripts / Path(str(row.get("instance_id"))).name
    found = {key: text for key, name in _PRO_FILES.items() if (text := _text(folder / name))}
    return {**row, **found}


def _text(path: Path) -> str:
    """A file's text, its line ends as they are; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
