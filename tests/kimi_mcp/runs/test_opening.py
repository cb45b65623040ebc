"""What the model is told with the issue: enough to begin, bounded, the same every time."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio

from kimi_mcp.runs.opening import PLACES_CHARS, opening
from kimi_tools.workspace import Workspace
from tests.kimi_mcp.agent.conftest import BUGGY

MakeRepository = Callable[[dict[str, str | bytes]], Path]


def told(root: Path, state: Path, issue: str) -> str:
    with closing(Workspace(root, state=state)) as workspace:
        return anyio.run(opening, workspace, root, issue)


def test_the_top_the_tests_and_the_likely_places_are_told(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({**BUGGY, "other.py": "VALUE = 1\n"})
    text = told(root, tmp_path / "state", "calling `double(2)` gives 0")
    assert "top level: calc.py other.py test_calc.py" in text
    assert "tests: pytest in ." in text
    places = text[text.index("locate, from the issue's words alone:") :]
    assert places.index("calc.py") < places.index("double")
    assert text == told(root, tmp_path / "again", "calling `double(2)` gives 0")


def test_without_an_issue_or_a_word_that_fits_no_place_is_told(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    for issue in ("", "zzzz qqqq", "…"):
        assert "locate" not in told(root, tmp_path / "state", issue)


def test_a_repository_without_tests_says_so(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository({"notes.txt": "nothing\n"})
    assert "tests: none that run_tests knows" in told(root, tmp_path / "state", "")


def test_it_is_bounded_whatever_lies_in_the_repository(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    many: dict[str, str | bytes] = {
        f"folder_{n}/very_long_module_name_{n}.py": f"def wanted_{n}():\n    wanted()\n" for n in range(150)
    }
    text = told(make_repository(many), tmp_path / "state", "wanted " * 500)
    assert "and 90 more" in text
    assert len(text) < PLACES_CHARS + 4_000
