"""pytest suites, run by the real pytest."""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools import progress
from kimi_tools.errors import BadArguments, NotAllowed, NotFound, Unavailable
from kimi_tools.sandbox import choose
from kimi_tools.testrun import Request, TestReport, execute, run_tests
from kimi_tools.workspace import Workspace
from tests.kimi_tools.testrun.samples import give_environment, run, untouched

Sample = Callable[[str], Workspace]


@pytest.fixture
def shop(sample: Sample) -> Workspace:
    workspace = sample("pytest")
    give_environment(workspace.root)
    return workspace


@pytest.fixture
def one_file(tmp_path: Path) -> Callable[[str], Workspace]:
    """A project of one test file."""

    def make(text: str) -> Workspace:
        root = tmp_path / "project"
        root.mkdir()
        (root / "pytest.ini").write_text("[pytest]\n")
        (root / "test_it.py").write_text(text)
        give_environment(root)
        return Workspace(root, state=tmp_path / "state")

    return make


def test_every_way_a_test_can_end_is_told_apart_and_the_repository_stays_clean(shop: Workspace) -> None:
    report = run(shop)
    assert (report.runner, report.reason, report.verdict) == ("pytest", "pytest.ini", "failed")
    assert report.statuses() == {
        "tests/test_shop.py::test_sum": "passed",
        "tests/test_shop.py::test_discount": "failed",
        "tests/test_shop.py::test_stock": "error",
        "tests/test_shop.py::test_tax": "skipped",
        "tests/test_shop.py::test_cents": "xfailed",
        "tests/test_shop.py::test_names[a b]": "passed",
        "tests/test_shop.py::test_names[c::d]": "passed",
        "tests/test_shop.py::test_names[\\xfc]": "passed",
    }
    failed = report.failures[0]
    assert (failed.path, failed.line) == ("tests/test_shop.py", 11)
    assert failed.message.startswith("assert 90 == 95")
    assert "the discount is wrong" in failed.trace
    assert report.command.startswith(str(shop.root / ".venv/bin/python"))
    assert report.sandbox == "none"
    assert untouched(shop)


def test_the_verdict_is_the_first_and_the_last_thing_that_is_read(shop: Workspace) -> None:
    text = anyio.run(run_tests, shop, {}).text
    first, *_, last = text.splitlines()
    assert first.startswith("FAILED: 1 failed, 1 error, 4 passed, 1 skipped, 1 xfailed in ")
    assert last.startswith(first)
    assert "FAILED tests/test_shop.py::test_discount  tests/test_shop.py:11" in text


def test_failed_tests_are_run_again_and_compared_by_id(shop: Workspace) -> None:
    run(shop)
    test = shop.root / "tests/test_shop.py"
    test.write_text(test.read_text().replace("== 95", "== 90"))
    report = run(shop, only="failed")
    assert report.statuses() == {
        "tests/test_shop.py::test_discount": "passed",
        "tests/test_shop.py::test_stock": "error",
    }
    assert report.comparison is not None
    assert report.comparison.fixed == ("tests/test_shop.py::test_discount",)
    assert report.comparison.still_failing == ("tests/test_shop.py::test_stock",)
    assert report.comparison.vanished == ()


def test_a_run_is_compared_with_a_named_earlier_one(shop: Workspace) -> None:
    first = run(shop)
    test = shop.root / "tests/test_shop.py"
    test.write_text(test.read_text().replace("test_sum", "test_sums").replace('"a b"', "0"))
    run(shop)
    report = run(shop, compare=first.run)
    assert report.comparison is not None
    assert report.comparison.vanished == (
        "tests/test_shop.py::test_names[a b]",
        "tests/test_shop.py::test_sum",
    )
    assert report.comparison.newly_failing == ("tests/test_shop.py::test_names[0]",)
    with pytest.raises(NotFound, match="kept runs: 1, 2, 3"):
        run(shop, compare="77")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["tests/test_shop.py::test_sum"], 1),
        (["sum"], 1),
        (["tests/test_shop.py::test_names"], 3),
        (["tests/test_shop.py::test_names[c::d]", "sum"], 2),
        (["sum", "discount"], 2),
        (["test_names[a b]"], 1),
    ],
)
def test_tests_are_chosen_by_id_and_by_part_of_name(shop: Workspace, names: list[str], expected: int) -> None:
    assert len(run(shop, names=names).cases) == expected


def test_nothing_that_fits_is_not_a_pass(shop: Workspace) -> None:
    report = run(shop, names=["no_such_name"])
    assert (report.verdict, report.cases) == ("nothing ran", ())
    with pytest.raises(NotFound, match="does not exist"):
        run(shop, paths=["tests/test_gone.py"])
    with pytest.raises(BadArguments, match="only=all first"):
        run(shop, only="failed")


def test_only_skipped_tests_are_not_a_pass(shop: Workspace) -> None:
    report = run(shop, names=["tax"])
    assert (report.verdict, report.problem) == ("nothing ran", "All 1 tests were skipped.")


def test_a_file_that_cannot_be_imported_is_a_collection_error(shop: Workspace) -> None:
    (shop.root / "tests/test_new.py").write_text("import no_such_module\n")
    report = run(shop)
    assert report.verdict == "collection error"
    assert [(case.id, case.message) for case in report.failures if case.collecting] == [
        ("tests/test_new.py", "ModuleNotFoundError: No module named 'no_such_module'")
    ]


def test_the_files_that_can_be_loaded_run_beside_one_that_cannot_and_the_install_is_named(
    shop: Workspace,
) -> None:
    (shop.root / "tests/test_new.py").write_text("import no_such_module\n")
    (shop.root / "requirements.txt").write_text("no-such-module\n")
    report = run(shop)
    assert report.statuses()["tests/test_shop.py::test_sum"] == "passed"
    python = shop.root / ".venv/bin/python"
    assert report.notes == (
        f"Not installed in {python}: no_such_module. `{python} -m pip install -r requirements.txt` may help.",
    )


def test_a_syntax_error_is_told_with_its_line_and_without_pytests_own_frames(
    one_file: Callable[[str], Workspace],
) -> None:
    [case] = run(one_file("x = 1\n\ndef test_x(:\n")).cases
    assert (case.message, case.path, case.line) == ("SyntaxError: invalid syntax", "test_it.py", 3)
    assert "_pytest" not in case.trace and "importlib" not in case.trace
    assert "def test_x(:" in case.trace


def test_a_project_in_src_layout_is_tested_without_being_installed(
    one_file: Callable[[str], Workspace],
) -> None:
    workspace = one_file("from shapes import area\ndef test_area(): assert area() == 4\n")
    assert run(workspace).verdict == "collection error"
    (workspace.root / "src/shapes").mkdir(parents=True)
    (workspace.root / "src/shapes/__init__.py").write_text("def area(): return 4\n")
    (workspace.root / "pyproject.toml").write_text('[project]\nname = "shapes"\nversion = "1"\n')
    assert run(workspace).verdict == "passed"


def test_an_id_may_be_written_with_the_letters_that_pytest_escapes(
    one_file: Callable[[str], Workspace],
) -> None:
    body = "import pytest\n@pytest.mark.parametrize('v', ['é/日', 'a[1]'])\ndef test_v(v): pass\n"
    workspace = one_file(body)
    assert len(run(workspace, names=["test_it.py::test_v[é/日]"]).cases) == 1
    assert len(run(workspace, names=["test_it.py::test_v[a[1]]"]).cases) == 1


def test_a_run_that_stops_at_the_first_failure_says_how_many_tests_did_not_run(
    one_file: Callable[[str], Workspace],
) -> None:
    workspace = one_file("def test_a(): assert 0\ndef test_b(): pass\ndef test_c(): pass\n")
    (workspace.root / "pytest.ini").write_text("[pytest]\naddopts = -x\n")
    assert run(workspace).notes == ("2 of 3 collected tests did not run: the runner stopped early",)


@pytest.mark.parametrize(
    ("body", "verdict", "problem"),
    [
        ("__import__('os')._exit(0)", "crashed", "The runner ended with exit code 0 before it was done"),
        ("__import__('ctypes').string_at(0)", "crashed", "The runner was killed by SIGSEGV"),
        ("__import__('time').sleep(60)", "timed out", "Stopped after 6 s"),
    ],
)
def test_a_runner_that_dies_or_hangs_names_the_test(
    one_file: Callable[[str], Workspace], body: str, verdict: str, problem: str
) -> None:
    workspace = one_file(f"def test_first(): pass\ndef test_dies(): {body}\n")
    report = run(workspace, timeout=6 if verdict == "timed out" else 60)
    assert report.verdict == verdict
    assert report.problem == f"{problem} while running test_it.py::test_dies."
    assert report.statuses() == {"test_it.py::test_first": "passed", "test_it.py::test_dies": "unfinished"}


def test_a_flood_of_output_is_bounded(one_file: Callable[[str], Workspace]) -> None:
    flood = "import os\ndef test_flood():\n    for _ in range(40): os.write(2, b'y' * 1_000_000)\n"
    workspace = one_file(flood)
    report = run(workspace, command=".venv/bin/python -m pytest -s")
    assert report.statuses() == {"test_it.py::test_flood": "passed"}
    assert len(report.output) < 1_100_000


def test_a_broken_conftest_is_the_runners_error_and_is_quoted(one_file: Callable[[str], Workspace]) -> None:
    workspace = one_file("def test_x(): pass\n")
    (workspace.root / "conftest.py").write_text("raise ValueError('no database')\n")
    result = anyio.run(run_tests, workspace, {})
    assert result.text.startswith("RUNNER ERROR: no tests")
    assert "ValueError: no database" in result.text


def test_many_failures_are_paged_without_running_again(one_file: Callable[[str], Workspace]) -> None:
    body = "import pytest\n@pytest.mark.parametrize('n', range(60))\ndef test_n(n): assert n == 'x' * 200\n"
    workspace = one_file(body)
    seen: list[str] = []
    arguments: dict[str, object] = {}
    while True:
        result = anyio.run(run_tests, workspace, arguments)
        assert len(result.text) <= workspace.result_chars
        seen += [line.split()[1] for line in result.text.splitlines() if line.startswith("FAILED test_it")]
        last = result.text.splitlines()[-1]
        if 'run="1" offset=' not in last:
            break
        arguments = {"run": "1", "offset": int(last.rpartition("offset=")[2].rstrip("]"))}
    assert seen == [f"test_it.py::test_n[{n}]" for n in range(60)]


def test_progress_counts_tests_and_names_the_current_one(one_file: Callable[[str], Workspace]) -> None:
    workspace = one_file("import time\ndef test_a(): time.sleep(0.6)\ndef test_b(): time.sleep(0.6)\n")
    heard: list[progress.Progress] = []
    with progress.reporting_to(heard.append):
        run(workspace)
    assert heard[0].message == "starting pytest in ."
    assert any(p.message == "1/2 tests, 0 failed; test_it.py::test_b" and p.total == 2 for p in heard)


def test_a_missing_pytest_is_said_with_the_way_to_install_it(one_file: Callable[[str], Workspace]) -> None:
    workspace = one_file("def test_x(): pass\n")
    next((workspace.root / ".venv").glob("lib/python*/site-packages/pytest")).unlink()
    with pytest.raises(
        Unavailable, match=r"pytest is not installed in the project's Python .*-m pip install pytest"
    ):
        run(workspace)


def test_runs_in_one_workspace_take_turns_and_a_cancelled_one_gives_way(
    one_file: Callable[[str], Workspace],
) -> None:
    workspace = one_file(
        "import os, time\ndef test_a():\n    open('pid', 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
    )

    async def main() -> TestReport:
        async with anyio.create_task_group() as group:
            group.start_soon(execute, workspace, Request())
            while not (workspace.root / "pid").exists() or not (workspace.root / "pid").read_text():
                await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        (workspace.root / "test_it.py").write_text("def test_b(): pass\n")
        reports: list[TestReport] = []

        async def again() -> None:
            reports.append(await execute(workspace, Request()))

        async with anyio.create_task_group() as group:
            group.start_soon(again)
            group.start_soon(again)
        assert [report.verdict for report in reports] == ["passed", "passed"]
        assert sorted(report.run for report in reports) == ["1", "2"]
        return reports[0]

    anyio.run(main)
    with pytest.raises(ProcessLookupError):
        os.kill(int((workspace.root / "pid").read_text()), 0)


def test_a_sandboxed_run_reports_the_same_and_names_its_protection(shop: Workspace, tmp_path: Path) -> None:
    plain = run(shop)
    try:
        sandbox = choose()
    except NotAllowed as error:
        pytest.skip(str(error))
    confined = Workspace(shop.root, state=tmp_path / "other", sandbox=sandbox)
    report = run(confined)
    confined.close()
    assert report.sandbox == sandbox.level
    assert report.statuses() == plain.statuses()
    assert untouched(shop)
