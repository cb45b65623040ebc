"""Every runner on a sample project, by the real runner: what it finds, how it chooses, what it leaves behind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimi_tools.testrun import TestReport
from kimi_tools.workspace import Workspace
from tests.kimi_tools.testrun.samples import give_environment, give_node_modules, need, run, untouched

Sample = Callable[[str], Workspace]


@dataclass
class Expected:
    """A sample: the programs that it needs, every test's status, its failures' places and messages."""

    programs: list[str]
    statuses: dict[str, str]
    failures: dict[str, tuple[str, str]]
    part: str
    """A part of the name of exactly one test."""
    file: str = ""
    clean: bool = True


JAVA = {
    "shop.ShopTest#sum": "passed",
    "shop.ShopTest#discount": "failed",
    "shop.ShopTest#tax": "skipped",
    "shop.ShopTest#stock": "failed",
}
JAVA_FAILURES = {
    "shop.ShopTest#discount": ("src/test/java/shop/ShopTest.java:16", "expected:<95> but was:<90>"),
    "shop.ShopTest#stock": ("src/test/java/shop/ShopTest.java:25", "the warehouse is closed"),
}
SAMPLES = {
    "unittest": Expected(
        [],
        {
            "tests.test_shop.ShopTest.test_sum": "passed",
            "tests.test_shop.ShopTest.test_discount": "failed",
            "tests.test_shop.ShopTest.test_tax": "skipped",
            "tests.test_shop.ShopTest.test_cents": "xfailed",
            "tests.test_shop.ShopTest.test_many": "failed",
            "tests.test_shop.StockTest.test_stock": "error",
            "setUpClass (tests.test_shop.StreetTest)": "error",
        },
        {
            "tests.test_shop.ShopTest.test_discount": ("tests/test_shop.py:11", "AssertionError: 90 != 95"),
            "tests.test_shop.ShopTest.test_many": (
                "tests/test_shop.py:24",
                "[(number=1)] AssertionError: 1 == 1",
            ),
            "tests.test_shop.StockTest.test_stock": (
                "tests/test_shop.py:29",
                "RuntimeError: the warehouse is closed",
            ),
            "setUpClass (tests.test_shop.StreetTest)": ("tests/test_shop.py:38", "RuntimeError: no street"),
        },
        part="test_sum",
        file="tests/test_shop.py",
    ),
    "node": Expected(
        ["node"],
        {
            "test/shop.test.js::sum": "passed",
            "test/shop.test.js::prices > take a discount": "failed",
            "test/shop.test.js::prices > have tax": "skipped",
            "test/shop.test.js::prices > of two (2) things > are added": "passed",
            "test/shop.test.js::stock > is there": "failed",
            "test/shop.test.js::stock": "error",
        },
        {
            "test/shop.test.js::prices > take a discount": (
                "test/shop.test.js:12",
                "Expected values to be strictly equal:\n\n90 !== 95",
            ),
            "test/shop.test.js::stock": ("test/shop.test.js:24", "the warehouse is closed"),
        },
        part="are added",
        file="test/shop.test.js",
    ),
    "jest": Expected(
        ["node", "npm"],
        {
            "src/shop.test.js::sum": "passed",
            "src/shop.test.js::prices > take a discount": "failed",
            "src/shop.test.js::prices > have tax": "skipped",
            "src/shop.test.js::prices > of two (2) things": "passed",
            "src/shop.test.js::stock > is there": "failed",
        },
        {
            "src/shop.test.js::prices > take a discount": (
                "src/shop.test.js:9",
                "Error: expect(received).toBe(expected) // Object.is equality\n\nExpected: 95\nReceived: 90",
            ),
            "src/shop.test.js::stock > is there": ("src/shop.test.js:19", "Error: the warehouse is closed"),
        },
        part="of two (2)",
        file="src/shop.test.js",
    ),
    "vitest": Expected(
        ["node", "npm"],
        {
            "src/shop.test.js::sum": "passed",
            "src/shop.test.js::prices > take a discount": "failed",
            "src/shop.test.js::prices > have tax": "skipped",
            "src/shop.test.js::prices > of two (2) things": "passed",
            "src/shop.test.js::stock > is there": "failed",
        },
        {
            "src/shop.test.js::prices > take a discount": (
                "src/shop.test.js:10",
                "expected 90 to be 95 // Object.is equality",
            ),
            "src/shop.test.js::stock > is there": ("src/shop.test.js:20", "the warehouse is closed"),
        },
        part="of two (2)",
        file="src/shop.test.js",
    ),
    "mocha": Expected(
        ["node", "npm"],
        {
            "test/other.js::other": "passed",
            "test/shop.js::sum": "passed",
            "test/shop.js::prices > take a discount": "failed",
            "test/shop.js::prices > have tax": "skipped",
            "test/shop.js::prices > of two (2) things": "passed",
            'test/shop.js::stock > "before all" hook for "is there"': "error",
        },
        {
            "test/shop.js::prices > take a discount": (
                "test/shop.js:10",
                "Expected values to be strictly equal:\n\n90 !== 95",
            ),
            'test/shop.js::stock > "before all" hook for "is there"': (
                "test/shop.js:20",
                "the warehouse is closed",
            ),
        },
        part="of two (2)",
        file="test/other.js",
    ),
    "go": Expected(
        ["go"],
        {
            "prices::TestSum": "passed",
            "prices::TestDiscount": "failed",
            "prices::TestTax": "skipped",
            "prices::TestMany/one": "passed",
            "prices::TestMany/two_words": "passed",
            "prices::TestMany": "passed",
            "stock::TestStock": "failed",
        },
        {
            "prices::TestDiscount": ("prices/prices_test.go:14", "got 90, want 95"),
            "stock::TestStock": (
                "stock/stock_test.go:7",
                "panic: runtime error: index out of range [3] with length 0 [recovered]",
            ),
        },
        part="Sum",
        file="stock",
    ),
    "cargo": Expected(
        ["cargo"],
        {
            "shop::tests::sum": "passed",
            "shop::tests::discount": "failed",
            "shop::tests::tax": "skipped",
            "shop::tests::overflow": "passed",
            "stock::stock": "failed",
            "shop(doc)::src/lib.rs - total (line 5)": "passed",
        },
        {
            "shop::tests::discount": ("src/lib.rs:24", "ten percent"),
            "stock::stock": ("tests/stock.rs:4", "the warehouse is closed"),
        },
        part="tests::sum",
        file="tests/stock.rs",
        clean=False,  # cargo writes Cargo.lock
    ),
    "rspec": Expected(
        ["rspec"],
        {
            "spec/shop_spec.rb::Shop adds": "passed",
            "spec/shop_spec.rb::Shop prices take a discount": "failed",
            "spec/shop_spec.rb::Shop prices have tax": "skipped",
            "spec/shop_spec.rb::Shop prices have cents": "xfailed",
            "spec/shop_spec.rb::Shop stock is there": "failed",
        },
        {
            "spec/shop_spec.rb::Shop prices take a discount": (
                "spec/shop_spec.rb:8",
                "expected: 95\n     got: 90\n\n(compared using ==)",
            ),
            "spec/shop_spec.rb::Shop stock is there": (
                "spec/shop_spec.rb:22",
                "RuntimeError: the warehouse is closed",
            ),
        },
        part="adds",
        file="spec/shop_spec.rb",
    ),
    "phpunit": Expected(
        ["php", "phpunit"],
        {
            "ShopTest::testSum": "passed",
            "ShopTest::testDiscount": "failed",
            "ShopTest::testTax": "skipped",
            "ShopTest::testStock": "failed",
            'ShopTest::testNames with data set "a b"': "passed",
            'ShopTest::testNames with data set "c/d"': "passed",
        },
        {
            "ShopTest::testDiscount": (
                "tests/ShopTest.php:14",
                "Failed asserting that 90 is identical to 95.",
            ),
            "ShopTest::testStock": (
                "tests/ShopTest.php:24",
                "RuntimeException : the warehouse is closed [it's Sunday]",
            ),
        },
        part="c/d",
        file="tests/ShopTest.php",
    ),
    "ctest": Expected(
        ["cmake", "ctest", "cc"],
        {
            "prices.sum": "passed",
            "prices.discount": "failed",
            "prices.tax": "skipped",
            "prices.stock": "failed",
        },
        {
            "prices.discount": ("shop_test.c:13", "*shop_test.c:13: failed: total(100, 10) == 95"),
            "prices.stock": ("", "Subprocess aborted"),
        },
        part="sum",
    ),
    "maven": Expected(["mvn"], JAVA, JAVA_FAILURES, part="sum", clean=False),
    "gradle": Expected(["gradle"], JAVA, JAVA_FAILURES, part="", clean=False),
}
DEBIAN_MAVEN = Path("/usr/share/maven-repo/org/apache/maven/plugins")
MAVEN_PLUGINS = ("surefire", "resources", "compiler")


@pytest.fixture(params=SAMPLES)
def prepared(request: pytest.FixtureRequest, sample: Sample) -> tuple[Workspace, Expected]:
    """A sample project with what it needs to run."""
    expected = SAMPLES[request.param]
    need(*expected.programs)
    workspace = sample(request.param)
    root = workspace.root
    if request.param == "unittest":
        give_environment(root)
    if request.param in ("jest", "vitest", "mocha"):
        give_node_modules(root)
    if request.param == "maven":
        if not all((DEBIAN_MAVEN / f"maven-{name}-plugin").exists() for name in MAVEN_PLUGINS):
            pytest.skip("Debian's own Maven repository (.ci/system-packages) is not installed")
        (root / ".mvn").mkdir()
        (root / ".mvn/maven.config").write_text("-o\n-Dmaven.repo.local=/usr/share/maven-repo\n")
    if request.param == "gradle" and not Path("/usr/share/java/junit4.jar").exists():
        pytest.skip("Debian's junit4 is not installed")
    return workspace, expected


def places(report: TestReport) -> dict[str, tuple[str, str]]:
    """The place and the message of each failure."""
    return {
        case.id: (f"{case.path}:{case.line}" if case.line else case.path, case.message)
        for case in report.failures
    }


def test_a_real_run_tells_every_test_apart_and_can_be_narrowed(prepared: tuple[Workspace, Expected]) -> None:
    workspace, expected = prepared
    report = run(workspace)
    assert report.problem == ""
    assert report.verdict == "failed"
    assert report.statuses() == expected.statuses
    found = places(report)
    for id, (place, message) in expected.failures.items():
        assert found[id][0] == place
        assert found[id][1].endswith(message.removeprefix("*"))
    assert not expected.clean or untouched(workspace)
    if not expected.part:
        return
    one = run(workspace, names=[expected.part])
    assert [case.id for case in one.cases if case.status == "passed"] != []
    assert len(one.cases) < len(report.cases)
    if report.runner == "maven":
        return
    again = run(workspace, only="failed")
    assert {case.id for case in again.failures} == {case.id for case in report.failures}
    if expected.file:
        inside = run(workspace, paths=[expected.file])
        assert 0 < len(inside.cases) <= len(report.cases)
        assert inside.statuses().items() <= report.statuses().items()


BROKEN = {
    "unittest": ("tests/test_new.py", "import no_such_module\n", "tests.test_new", "No module named"),
    "node": ("test/new.test.js", "syntax error here", "test/new.test.js", ""),
    "jest": (
        "src/new.test.js",
        "syntax error here",
        "src/new.test.js",
        "Jest encountered an unexpected token",
    ),
    "vitest": ("src/new.test.js", "syntax error here", "src/new.test.js", "Parse failure"),
    "go": ("prices/new_test.go", "package prices\n\nvar x int = true\n", "prices", "cannot use true"),
    "cargo": ("tests/new.rs", "#[test]\nfn x() { y }\n", "build", "cannot find value `y`"),
    "rspec": ("spec/new_spec.rb", "require 'no_such_file'\n", "spec/new_spec.rb", "no_such_file"),
    "ctest": ("shop_test.c", "int main(void) { return y; }\n", "build", "‘y’ undeclared"),
    "maven": (
        "src/test/java/shop/NewTest.java",
        "class NewTest { int x = y; }\n",
        "build",
        "cannot find symbol",
    ),
}


@pytest.mark.parametrize("prepared", BROKEN, indirect=True)
def test_what_cannot_be_loaded_or_compiled_is_a_collection_error(
    prepared: tuple[Workspace, Expected], request: pytest.FixtureRequest
) -> None:
    workspace, _ = prepared
    path, text, id, message = BROKEN[workspace.root.name]
    (workspace.root / path).write_text(text)
    report = run(workspace)
    assert report.verdict == "collection error", report.output
    [case] = [case for case in report.cases if case.collecting]
    assert case.id == id
    assert message in case.message
    assert case.path == path or report.runner == "unittest"
