"""The registry of faults tells the truth."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.registry import REASONS, TESTS

FOLDER = Path(__file__).parents[1]


@pytest.mark.parametrize("named", sorted({name for names in TESTS.values() for name in names}))
def test_a_test_that_a_case_names_exists(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((FOLDER / path).read_text("utf-8"))
    functions = [
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert name.partition("[")[0] in functions


def test_a_case_has_either_tests_or_a_reason() -> None:
    assert not TESTS.keys() & REASONS.keys()
    assert all(TESTS.values()) and all(REASONS.values())


def shared_cases() -> list[str]:
    """The ids of the house's list, where it lies beside the repository."""
    for folder in FOLDER.parents:
        path = folder / "shared" / "cases" / "faults.jsonl"
        if path.is_file():
            return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines() if line.strip()]
    return []


def test_every_case_of_the_list_is_here(record_property: Callable[[str, object], None]) -> None:
    listed = shared_cases()
    if not listed:
        pytest.skip("the list of faults is not on this machine")
    counts = {"cases": len(listed), "tried": len(TESTS), "not applicable": len(REASONS)}
    for name, count in counts.items():
        record_property(name, count)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    assert sorted(listed) == sorted(TESTS.keys() | REASONS.keys())
