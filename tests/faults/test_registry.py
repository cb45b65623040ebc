"""The registry of faults tells the truth."""

import ast
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
