"""`locate`: what an issue's text points at is found, with the reason, and is never out of date."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_tools import symbols
from kimi_tools.errors import BadArguments
from kimi_tools.index import words as words_module
from kimi_tools.symbols.locate import answer, look
from kimi_tools.symbols.locate import tool as locate_tool
from kimi_tools.symbols.locate.clues import clues_of
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[..., Workspace]

FILES = {
    "pkg/__init__.py": "from pkg.deep.engine import Motor\n",
    "pkg/deep/__init__.py": "",
    "pkg/deep/engine.py": 'class Motor:\n    """Turns."""\n\n    def start(self, key):\n        return key\n\n'
    "    def stop(self):\n        pass\n",
    "pkg/fuel.py": "def fill(tank):\n    if tank.full:\n"
    '        raise ValueError("Cannot pour %s litres into a full tank")\n',
    "pkg/paint.py": "def colour(car):\n    # the lacquer dries slowly in winter\n    return car.hue\n",
    "tests/test_fuel.py": "def test_fill():\n    # litres pour tank full fill Cannot into\n    fill(tank)\n",
    "src/horn/loud.py": "def blow(air):\n    pass\n\n\ndef mute(air):\n    pass\n",
    "java/src/org/acme/Wheel.java": "class Wheel {\n    void turn() {\n        spin();\n    }\n}\n",
}


def found(workspace: Workspace, text: str) -> dict[str, Any]:
    return asyncio.run(symbols.locate(workspace, {"text": text})).data.model_dump()


@pytest.fixture
def cars(make_workspace: MakeWorkspace) -> Workspace:
    return make_workspace(FILES)


@pytest.mark.parametrize(
    ("text", "path", "function"),
    [
        ("Motor is loud\n\nfrom pkg import Motor\nMotor().start(1)", "pkg/deep/engine.py", "Motor.start"),
        ("`Motor.stop` does nothing", "pkg/deep/engine.py", "Motor.stop"),
        ("It says: ValueError: Cannot pour 12 litres into a full tank", "pkg/fuel.py", "fill"),
        ("Drying lacquers are too slow in winters", "pkg/paint.py", "colour"),
        (
            "NullPointerException\n    at org.acme.Wheel.turn(Wheel.java:3)\n",
            "java/src/org/acme/Wheel.java",
            "Wheel.turn",
        ),
        (
            "It warns\n\n/usr/lib/python3.11/site-packages/horn/loud.py:6: DeprecationWarning: obsolete",
            "src/horn/loud.py",
            "mute",
        ),
        ("Crash\n    at colour (/home/me/app/pkg/paint.py:3:7)\n", "pkg/paint.py", "colour"),
    ],
)
def test_each_kind_of_clue_leads_to_its_place(cars: Workspace, text: str, path: str, function: str) -> None:
    data = found(cars, text)
    assert data["places"][0]["path"] == path, data
    assert data["places"][0]["reasons"]
    assert data["functions"][0].startswith(f"{path}:")
    assert data["functions"][0].endswith(f" {function}")


def test_code_stands_before_the_tests_that_speak_of_it(cars: Workspace) -> None:
    paths = [place["path"] for place in found(cars, "fill pours litres into a full tank")["places"]]
    assert paths.index("pkg/fuel.py") < paths.index("tests/test_fuel.py")


def test_a_changed_file_is_read_again_before_the_answer(cars: Workspace) -> None:
    assert "pkg/paint.py" in [place["path"] for place in found(cars, "lacquer")["places"]]
    (cars.root / "pkg/paint.py").write_text(
        "def colour(car):\n    # the chrome is dull\n    return car.hue\n"
    )
    assert found(cars, "lacquer")["places"] == ()
    assert found(cars, "dull chrome")["places"][0]["path"] == "pkg/paint.py"


def git(cars: Workspace, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *arguments], cwd=cars.root, check=True, capture_output=True)


def test_what_changed_with_a_test_that_fits_stands_before_what_did_not(cars: Workspace) -> None:
    git(cars, "init")
    for name in ("one", "two"):
        (cars.root / f"pkg/{name}.py").write_text("def foam(shampoo):\n    return shampoo.foams\n")
    (cars.root / "tests/test_wash.py").write_text("def test_wash():\n    assert foam(1)\n")
    git(cars, "add", "-f", "pkg/one.py")
    git(cars, "commit", "-m", "One")
    git(cars, "add", "-f", "pkg/two.py", "tests/test_wash.py")
    git(cars, "commit", "-m", "Two")
    places = found(cars, "the shampoo foams no more")["places"]
    assert [place["path"] for place in places][:2] == ["pkg/two.py", "pkg/one.py"]
    assert "changed with tests/test_wash.py" in places[0]["reasons"]


def test_a_commit_that_looks_like_the_issue_is_a_reason(cars: Workspace) -> None:
    git(cars, "init")
    git(cars, "commit", "--allow-empty", "-m", "Begin")
    (cars.root / "pkg/paint.py").write_text(f"{FILES['pkg/paint.py']}\n")
    git(cars, "add", "-f", "pkg/paint.py")
    git(cars, "commit", "-m", "Metallic shimmer for every hue")
    (place,) = (
        p for p in found(cars, "The metallic shimmer of a hue is gone")["places"] if "paint" in p["path"]
    )
    assert any("Metallic shimmer for every hue" in reason for reason in place["reasons"])


def test_the_same_question_has_the_same_answer_within_its_bound(cars: Workspace) -> None:
    text = "tank " * 3_000 + "".join(f" at f{n} (/a/pkg/fuel.py:{n}:1)\n" for n in range(300))
    first, second = (asyncio.run(symbols.locate(cars, {"text": text, "limit": 50})) for _ in range(2))
    assert first.text == second.text
    assert len(first.text) <= cars.result_chars


def test_a_text_without_words_is_refused(cars: Workspace) -> None:
    with pytest.raises(BadArguments):
        found(cars, "?! 12")


def test_frames_know_which_of_them_is_innermost() -> None:
    places = clues_of(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n  File "b.py", line 2, in g\n'
    ).places
    assert [(place.path, place.line, place.function, place.depth) for place in places] == [
        ("a.py", 1, "f", 1),
        ("b.py", 2, "g", 0),
    ]


def test_other_languages_say_the_innermost_frame_first() -> None:
    places = clues_of("Oops\n    at inner (src/a.js:3:7)\n    at outer (src/b.js:9:1)\n").places
    assert [(place.path, place.function, place.depth) for place in places] == [
        ("src/a.js", "inner", 0),
        ("src/b.js", "outer", 1),
    ]


def test_what_a_form_asks_and_versions_are_no_clues() -> None:
    text = "Crash\n<!-- Please search the documentation -->\n- [x] I read the manual\nnumpy: 1.21.0\n"
    assert clues_of(text).terms.keys() == {"crash"}


def test_what_was_found_is_numbered_for_whoever_chooses_and_told_in_the_order_that_was_chosen(
    make_workspace: MakeWorkspace,
) -> None:
    options = ", ".join(f"option_{n}" for n in range(80))
    long = f'def spin(tank, {options}):\n    "Turns it."\n'
    workspace = make_workspace({**FILES, "pkg/spin.py": long, "pkg/sp\u202ein_tank.py": "def tank(): ...\n"})
    text = "A full tank is poured into; `spin` and `colour` too"
    looked = asyncio.run(look(workspace, text))
    candidates = {candidate.path: candidate.text for candidate in looked.candidates(40)}
    assert candidates["pkg/fuel.py"] == "pkg/fuel.py\n    fill: def fill(tank)"
    assert "pkg/sp\u202ein_tank.py" not in candidates
    assert len(candidates["pkg/spin.py"]) < 300
    assert [candidate.path for candidate in looked.candidates(1)] == [looked.files[0].path]

    plain = found(workspace, text)
    assert answer(workspace, looked, 10).data.model_dump() == plain
    changed = answer(workspace, looked.with_first(["pkg/paint.py", "pkg/spin.py"]), 10).data.model_dump()
    before, after = ([place["path"] for place in one["places"]] for one in (plain, changed))
    rest = [path for path in before if path not in ("pkg/paint.py", "pkg/spin.py")]
    assert after[: len(before)] == ["pkg/paint.py", "pkg/spin.py", *rest]
    assert [place["score"] for place in changed["places"]] == [place["score"] for place in plain["places"]]
    assert changed["functions"][0] == "pkg/paint.py:1-3 colour"


def test_any_text_is_read_in_time(tmp_path: Path) -> None:
    marks = ("a/" * 20_000, "`" * 40_000, "at x(" * 8_000, '"' * 40_000, "a." * 20_000, "File " * 8_000)
    for text in (*marks, " " * 40_000, "\n" * 40_000, " \n" * 20_000, "\t" * 40_000):
        clues_of(text)


def test_an_answer_from_an_index_that_is_not_whole_says_so_first(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate_tool, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(words_module, "AHEAD_SECONDS", 0.0)
    files = {f"p/m{number}.py": f"def turn{number}(): ...\n" for number in range(400)}
    workspace = make_workspace({**files, "z/last.py": "def lacquer(): ...\n"})
    result = asyncio.run(symbols.locate(workspace, {"text": "`lacquer` dries"}))
    assert result.text.startswith("Not complete: ")
    assert not result.data.model_dump()["complete"]
    assert result.data.model_dump()["places"][0]["path"] == "z/last.py"  # what the text names is read ahead
    while not (data := found(workspace, "`lacquer` dries"))["complete"]:
        pass
    assert data["places"][0]["path"] == "z/last.py"
