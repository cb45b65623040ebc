"""Which tests exercise what: `find_tests`, `only=changed` and `only=affected`."""

import sqlite3
import subprocess
from collections.abc import Callable

import anyio
import pytest

from kimi_tools.errors import BadArguments, NotFound
from kimi_tools.testrun import find_tests
from kimi_tools.testrun.find import FoundTests
from kimi_tools.workspace import Workspace
from tests.conftest import git
from tests.kimi_tools.testrun.samples import give_environment, run

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

PROJECT: dict[str, str | bytes] = {
    ".gitignore": ".venv\n__pycache__\n",
    "pytest.ini": "[pytest]\n",
    "shop/__init__.py": "",
    "shop/prices.py": "def total(prices):\n    return sum(prices)\n\n\ndef cheapest(prices):\n    return min(prices)\n",
    "shop/basket.py": "from shop.prices import total\n\n\nclass Basket:\n    def pay(self): return total([1])\n",
    "shop/stock.py": "def count():\n    return 0\n",
    "tests/test_prices.py": "from shop.prices import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    "tests/test_cheap.py": "from shop.prices import cheapest\n\n\ndef test_cheapest(): assert cheapest([2, 1]) == 1\n",
    "tests/test_basket.py": "from shop.basket import Basket\n\n\ndef test_pay(): assert Basket().pay() == 1\n",
    **{
        f"tests/test_other{number}.py": f"def test_other{number}():\n    assert len('{number}')\n"
        for number in range(20)
    },
}


@pytest.fixture
def shop(make_workspace: MakeWorkspace) -> Workspace:
    workspace = make_workspace(PROJECT)
    give_environment(workspace.root)
    return workspace


def found(workspace: Workspace, of: str) -> list[str]:
    data = anyio.run(find_tests, workspace, {"of": of}).data
    assert isinstance(data, FoundTests)
    return [file.path for file in data.files]


def test_the_tests_of_a_symbol_come_with_the_reason_and_the_test_that_uses_it(shop: Workspace) -> None:
    result = anyio.run(find_tests, shop, {"of": "total"})
    first, second, *_ = result.text.splitlines()
    assert first.endswith("test files are related to 'total', most related first")
    assert second.startswith("tests/test_prices.py: uses total")
    assert second.endswith("; test_total")


def test_a_test_that_reaches_the_symbol_through_a_caller_is_found(shop: Workspace) -> None:
    paths = found(shop, "total")
    assert paths[0] == "tests/test_prices.py"
    assert "tests/test_basket.py" in paths[1:3]
    assert "tests/test_other1.py" not in paths


def test_the_tests_of_a_file_and_of_one_symbol_in_it_are_told_apart(shop: Workspace) -> None:
    assert set(found(shop, "shop/prices.py")[:2]) == {"tests/test_prices.py", "tests/test_cheap.py"}
    assert found(shop, "shop/prices.py::cheapest")[0] == "tests/test_cheap.py"


def test_a_misspelt_symbol_is_refused_with_a_likely_one(shop: Workspace) -> None:
    with pytest.raises(NotFound, match="similar: cheapest"):
        anyio.run(find_tests, shop, {"of": "cheapset"})


def test_code_without_a_test_says_so(shop: Workspace) -> None:
    assert anyio.run(find_tests, shop, {"of": "count"}).text.startswith("No test is related to 'count'")


def test_what_changes_between_two_questions_is_in_the_second_answer(shop: Workspace) -> None:
    assert found(shop, "count") == []
    (shop.root / "tests/test_stock.py").write_text(
        "from shop.stock import count\n\n\ndef test_count(): assert count() == 0\n"
    )
    assert found(shop, "count") == ["tests/test_stock.py"]
    (shop.root / "tests/test_stock.py").write_text("def test_nothing(): pass\n")
    (shop.root / "tests/test_other3.py").write_text(
        "from shop import stock\n\n\ndef test_other3(): stock.count()\n"
    )
    assert found(shop, "count")[0] == "tests/test_other3.py"
    (shop.root / "tests/test_other3.py").unlink()
    assert "tests/test_other3.py" not in found(shop, "count")


def test_a_file_that_is_imported_from_now_on_no_longer_counts_as_a_test(shop: Workspace) -> None:
    (shop.root / "tests/stocking.py").write_text(
        "from shop.stock import count\n\n\ndef test_stocking(): assert count() == 0\n"
    )
    assert found(shop, "count") == ["tests/stocking.py"]
    (shop.root / "tests/test_other5.py").write_text(
        "from tests.stocking import test_stocking\n\n\ndef test_other5(): test_stocking()\n"
    )
    assert "tests/stocking.py" not in found(shop, "count")


def test_affected_runs_the_tests_of_what_has_changed(shop: Workspace) -> None:
    path = shop.root / "shop/prices.py"
    path.write_text(path.read_text().replace("sum(prices)", "sum(prices) + 1"))
    report = run(shop, only="affected")
    assert report.statuses()["tests/test_prices.py::test_total"] == "failed"
    assert report.statuses()["tests/test_basket.py::test_pay"] == "failed"
    assert len(report.cases) < 6
    assert report.notes[0].startswith("affected: ")


def test_changed_runs_the_test_files_that_have_changed(shop: Workspace) -> None:
    (shop.root / "tests/test_new.py").write_text("def test_new(): pass\n")
    (shop.root / "shop/new.py").write_text("def new(): pass\n")
    assert run(shop, only="changed").statuses() == {"tests/test_new.py::test_new": "passed"}
    (shop.root / "tests/test_new.py").unlink()
    with pytest.raises(BadArguments, match="None of the 1 changed files is a test"):
        run(shop, only="changed")


def test_without_a_change_nothing_is_affected(shop: Workspace) -> None:
    with pytest.raises(BadArguments, match="Nothing differs from the last commit"):
        run(shop, only="affected")
    git(shop.root, "status")


def test_without_git_what_has_changed_is_not_known(shop: Workspace) -> None:
    (shop.root / ".git").rename(shop.root / ".gone")
    with pytest.raises(BadArguments, match="What has changed is not known"):
        run(shop, only="changed")


FOUNDATION: dict[str, str | bytes] = {
    **PROJECT,
    "shop/test/__init__.py": "",
    "shop/test/cases.py": "class TestCase:\n    def test_prices(self): ...\n",
    "tests/test_cases.py": "from shop.test.cases import TestCase\n\nclass TestPrices(TestCase):\n    pass\n",
    "shop/java/PricesTest.java": "class PricesTest { void testTotal() { new Prices().total(); } }\n",
    "tests/odd/prices.py": "from shop.prices import cheapest\n\ndef test_odd(): assert cheapest([1]) == 1\n",
}


def test_code_that_others_import_is_no_test_and_a_test_is_one_by_its_folder(
    make_workspace: MakeWorkspace,
) -> None:
    paths = found(make_workspace(FOUNDATION), "shop/prices.py")
    assert "shop/test/cases.py" not in paths
    assert {"tests/odd/prices.py", "shop/java/PricesTest.java"} <= set(paths)


def test_what_relates_weakly_is_not_run_and_says_nothing(shop: Workspace) -> None:
    path = shop.root / "shop/stock.py"
    path.write_text("from shop.prices import cheapest\n\n\ndef count():\n    return cheapest([0])\n")
    report = run(shop, only="affected")
    assert "tests/test_cheap.py::test_cheapest" in report.statuses()
    assert not any("test_other" in id for id in report.statuses())


COVERAGE = """
[run]
dynamic_context = test_function
"""
DYNAMIC = """
import importlib


def test_by_name():
    assert getattr(importlib.import_module("shop.sto" + "ck"), "co" + "unt")() == 0
"""


@pytest.fixture
def watched(make_workspace: MakeWorkspace) -> Workspace:
    return run_under_coverage(make_workspace, COVERAGE)


def run_under_coverage(make_workspace: MakeWorkspace, settings: str) -> Workspace:
    """A project whose tests ran under coverage.py; nothing but that tells which test runs `count`."""
    workspace = make_workspace({**PROJECT, ".coveragerc": settings, "tests/test_dynamic.py": DYNAMIC})
    give_environment(workspace.root)
    python = workspace.root / ".venv/bin/python"
    command = [python, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=workspace.root, check=True, capture_output=True)
    return workspace


def test_a_test_that_ran_the_code_is_found_by_coverage_alone(watched: Workspace) -> None:
    first = anyio.run(find_tests, watched, {"of": "count"}).text.splitlines()[1]
    assert first.startswith("tests/test_dynamic.py: 1 test of it ran the code")


def test_branch_coverage_whose_data_are_arcs_is_read_too(make_workspace: MakeWorkspace) -> None:
    workspace = run_under_coverage(make_workspace, f"{COVERAGE}branch = True\n")
    with sqlite3.connect(f"file:{workspace.root / '.coverage'}?mode=ro", uri=True) as data:
        assert data.execute("SELECT count(*) FROM arc").fetchone()[0] > 0
        assert data.execute("SELECT count(*) FROM line_bits").fetchone()[0] == 0
    first = anyio.run(find_tests, workspace, {"of": "count"}).text.splitlines()[1]
    assert first.startswith("tests/test_dynamic.py: 1 test of it ran the code")


def test_coverage_without_contexts_tells_nothing_and_hides_nothing(make_workspace: MakeWorkspace) -> None:
    workspace = run_under_coverage(make_workspace, "[run]\nbranch = True\n")
    assert found(workspace, "count") == []
    assert found(workspace, "total")[0] == "tests/test_prices.py"


def test_a_test_that_was_watched_and_did_not_run_the_code_is_not_affected(watched: Workspace) -> None:
    path = watched.root / "shop/prices.py"
    path.write_text(path.read_text().replace("sum(prices)", "sum(prices) + 0"))
    report = run(watched, only="affected")
    assert {case.path for case in report.cases} == {"tests/test_prices.py", "tests/test_basket.py"}
    assert "which has seen 2 of them run the code" in report.notes[0]


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0 and nothing more", b"!" * 5000])
def test_coverage_data_that_is_none_tells_nothing(shop: Workspace, data: bytes) -> None:
    (shop.root / ".coverage").write_bytes(data)
    assert found(shop, "total")[0] == "tests/test_prices.py"


def test_coverage_data_of_another_text_is_not_believed(watched: Workspace) -> None:
    path = watched.root / "shop/stock.py"
    path.write_text("# a comment where the code was\n\n\n\n" + path.read_text())
    assert found(watched, "count") == []
