"""The rows of SWE-bench and its relatives, as one type.

What the formats add to SWE-bench's own fields: Live `test_cmds`, `rebuild_cmds`, `print_cmds`, `log_parser` and
`docker_image`; Pro the lower-case `fail_to_pass` and `pass_to_pass`, `requirements`, `interface`, `dockerhub_tag`,
`before_repo_set_cmd` and `selected_test_files_to_run`; swebench 5 `image`, `eval_script`, `log_parser` and
`eval_type`; Multilingual nothing (its commands are in swebench's tables).
"""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench import rows
from kimi_mcp.swebench.errors import BadInstances
from kimi_mcp.swebench.rows import Row

_ID = re.compile(r"[A-Za-z0-9_][\w.+@-]{0,199}", re.ASCII)
_REPO = re.compile(r"(?!\.)[\w.-]+/(?!\.)[\w.-]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_SHAPES = (
    ("instance_id", _ID, "a plain name"),
    ("repo", _REPO, "owner/name"),
    ("base_commit", _COMMIT, "a commit id"),
)


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
    instances = [instance_of(row, number) for number, row in enumerate(rows.read(path), 1)]
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


def instance_of(row: Row, number: int = 1) -> Instance:
    """One row as an instance. Raises `BadInstances` when it lacks what every instance has, or holds what would
    be a path or an option where it is used as a name."""
    missing = [
        name for name in ("instance_id", "repo", "base_commit", "problem_statement") if not row.get(name)
    ]
    if missing:
        name = row.get("instance_id") or f"number {number}"
        hint = "is this a file of SWE-bench rows?"
        if "fix_patch" in row:
            hint = "this is a row of Multi-SWE-bench, whose format is not supported."
        raise BadInstances(f"Instance {name} lacks {', '.join(missing)}; {hint}")
    for name, pattern, what in _SHAPES:
        if not pattern.fullmatch(str(row[name])):
            raise BadInstances(f"Row {number}: its {name} {str(row[name])[:80]!r} is not {what}.")
    return Instance(
        id=str(row["instance_id"]),
        repo=str(row["repo"]),
        version=str(row.get("version") or ""),
        base_commit=str(row["base_commit"]),
        problem=_problem(row),
        gold_patch=str(row.get("patch") or ""),
        test_patch=str(row.get("test_patch") or ""),
        fail_to_pass=_names(row, "FAIL_TO_PASS", "fail_to_pass"),
        pass_to_pass=_names(row, "PASS_TO_PASS", "pass_to_pass"),
        excluded=_excluded(row),
        row=row,
    )


def _problem(row: Row) -> str:
    """The issue; Pro asks that the agent is told its requirements and the interface that tests will use."""
    parts = [str(row["problem_statement"])]
    for name, title in (("requirements", "Requirements:"), ("interface", "New interfaces introduced:")):
        if "before_repo_set_cmd" in row and (text := str(row.get(name) or "").strip()):
            parts.append(f"{title}\n{text}")
    return "\n\n".join(parts)


_GRADING = (
    "patch test_patch fail_to_pass pass_to_pass pass_to_pass_excluded hints_text all_hints_text eval_script test_cmds "
    "rebuild_cmds print_cmds log_parser before_repo_set_cmd selected_test_files_to_run run_script parsing_script "
    "commit_url commit_urls notes image_assets"
)


def secret_free(row: Row) -> dict[str, Any]:
    """A row without what an agent must not know: the gold patch, the graded tests and how they run, hints.

    Pro's `requirements` and `interface` are part of its issue, so they are put there.
    """
    kept = {key: value for key, value in row.items() if key.lower() not in _GRADING.split()}
    if isinstance(environment := row.get("environment"), dict):
        own = cast(dict[str, Any], environment)
        kept["environment"] = {key: value for key, value in own.items() if key != "test_command"}
    return {**kept, "problem_statement": _problem(row)}


def names_in(instance: Instance, field: str) -> tuple[str, ...]:
    """A list of names in a field that only one format has. Raises `BadInstances`."""
    return _names(instance.row, field)


def _names(row: Row, *keys: str) -> tuple[str, ...]:
    """A list of test ids; data sets hold it as a list, as JSON text (SWE-bench) or as Python text (Pro)."""
    value: object = next((row[key] for key in keys if row.get(key) is not None), ())
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, list | tuple) or not all(
        isinstance(name, str) for name in cast(list[object], value)
    ):
        raise BadInstances(f"{row['instance_id']}: {keys[0]} is not a list of names.")
    return tuple(cast(Iterable[str], value))


def _parsed(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except (json.JSONDecodeError, RecursionError):
        try:
            return cast(object, ast.literal_eval(text))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _excluded(row: Row) -> dict[str, str]:
    value: object = row.get("PASS_TO_PASS_excluded") or {}
    if not isinstance(value, dict):
        raise BadInstances(
            f"{row['instance_id']}: PASS_TO_PASS_excluded is not a table of test ids and reasons."
        )
    table = cast(dict[object, object], value)
    return {str(name): str(reason) for name, reason in table.items() if reason is not None}
