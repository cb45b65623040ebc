"""`kimi-mcp swebench` as its user runs it: a real history, a scripted model over HTTP, a graded prediction."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench.instances import Instance, load
from tests.kimi_api import KimiApi
from tests.kimi_mcp.swebench.author import Author

ROOT = Path(__file__).parents[3]
BROKEN, FIXED = "def half(n):\n    return n // 3\n", "def half(n):\n    return n // 2\n"
TESTS = "from engine import half\n\n\ndef test_zero():\n    assert half(0) == 0\n"
MORE_TESTS = f"{TESTS}\n\ndef test_four():\n    assert half(4) == 2\n"


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    names = {
        f"GIT_{role}_{part}": "ada@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**who, **names}, capture_output=True, text=True, check=True
    ).stdout


def committed(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"Change {name}")
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    """Two instances at one base commit of `ada/engine`, whose history goes on after it."""
    history = tmp_path / "histories" / "ada__engine"
    history.mkdir(parents=True)
    git(history, "init", "-q", "-b", "main")
    committed(history, "test_engine.py", TESTS)
    base = committed(history, "engine.py", BROKEN)
    fixed = committed(history, "engine.py", FIXED)
    tested = committed(history, "test_engine.py", MORE_TESTS)
    row = {
        "repo": "ada/engine",
        "version": "1.0",
        "base_commit": base,
        "patch": git(history, "diff", base, fixed),
        "test_patch": git(history, "diff", fixed, tested),
        "FAIL_TO_PASS": '["test_engine.py::test_four"]',
        "PASS_TO_PASS": '["test_engine.py::test_zero"]',
        "environment": {
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "test_command": f"{sys.executable} -m pytest -p no:cacheprovider -rA test_engine.py",
            "log_parser": "pytest",
        },
    }
    issues = {"ada__engine-1": "half(4) is 1, not 2.", "ada__engine-2": "The half of four comes out as one."}
    rows = [{"instance_id": name, "problem_statement": text, **row} for name, text in issues.items()]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def host(instances: Path) -> Iterator[str]:
    with KimiApi(Author(load(instances))) as api:
        yield api.url


def swebench(action: str, instances: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The command on the instances; its output is shown where a test fails."""
    where = ["--repos", str(instances.parent / "histories"), "--env", "none"]
    command = [sys.executable, "-m", "kimi_mcp", "swebench", action, *more, *where]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done


def run(instances: Path, host: str, *more: str, model: str = "kimi-k2.6") -> subprocess.CompletedProcess[str]:
    out = str(instances.parent / "out")
    return swebench("run", instances, str(instances), "--out", out, "--host", host, "--model", model, *more)


def test_a_batch_is_run_resumed_and_graded(instances: Path, host: str) -> None:
    out = instances.parent / "out"
    first = run(instances, host, "--only", "ada__engine-1", "--attempts", "2")
    assert first.returncode == 0
    both = run(instances, host, "--attempts", "2")
    assert "Resumed: 1 of 2 were done before." in both.stdout
    graded = swebench(
        "evaluate", instances, str(out / "preds.jsonl"), "--instances", str(instances), "--out", str(out)
    )
    assert graded.returncode == 0
    assert "2 resolved" in graded.stdout
    kept = json.loads((out / "run" / "ada__engine-1.json").read_text())
    assert kept["facts"]["attempts"] == ["submitted"], (
        "a patch that was measured to hold needs no second attempt"
    )
    trajectory = (out / "run" / "ada__engine-1" / "events.jsonl").read_text().splitlines()
    assert {json.loads(line)["kind"] for line in trajectory} >= {"answered", "returned", "ended"}
    for name in ("run.md", "run.html", "evaluate.md", "evaluate.html"):
        assert "ada__engine-2" in (out / name).read_text()


def test_a_batch_that_grades_as_it_goes_tells_what_is_resolved(instances: Path, host: str) -> None:
    out = instances.parent / "out"
    done = run(instances, host, "--grade", "--workers", "2")
    assert done.returncode == 0
    assert "2/2  2 resolved  0 running" in done.stdout
    kept = json.loads((out / "run" / "ada__engine-1.json").read_text())
    assert (kept["facts"]["outcome"], kept["facts"]["resolved"]) == ("submitted", True)
    assert "test_four" in (out / "run" / "ada__engine-1" / "graded.log").read_text()
    assert len((out / "preds.jsonl").read_text().splitlines()) == 2
    page = (out / "run.html").read_text()
    assert "<dt>resolved</dt><dd class='good'>2 <small>100%</small>" in page


class Careless(Author):
    """A model that fixes without showing anything, so that nothing speaks for its patch."""

    def story(
        self, instance: Instance, names: set[str]
    ) -> list[tuple[str, list[tuple[str, dict[str, Any]]]]]:
        return [
            ("Clear.", [("apply_patch", {"patch": instance.gold_patch})]),
            ("Done.", [("submit", {"summary": "Fixed."})]),
        ]


def test_another_attempt_is_made_within_the_same_budget_where_nothing_speaks_for_the_first(
    instances: Path,
) -> None:
    with KimiApi(Careless(load(instances))) as api:
        done = run(instances, api.url, "--only", "ada__engine-1", "--attempts", "2")
    assert done.returncode == 0
    kept = json.loads((instances.parent / "out" / "run" / "ada__engine-1.json").read_text())
    assert kept["facts"]["attempts"] == ["submitted", "submitted"]
    assert kept["files"] == ["attempt-2.jsonl", "events.jsonl", "patch.diff"]


def test_a_batch_tells_what_all_attempts_cost_at_the_hosts_price(instances: Path) -> None:
    with KimiApi(Careless(load(instances)), flavour="openrouter", keys=()) as api:
        done = run(instances, api.url, "--attempts", "3", "--workers", "2", model="moonshotai/kimi-k2.6")
    assert done.returncode == 0
    out = instances.parent / "out"
    costs: list[float] = []
    for name in ("ada__engine-1", "ada__engine-2"):
        kept = json.loads((out / "run" / f"{name}.json").read_text())["facts"]
        assert kept["attempts"] == ["submitted"] * 3
        prompt, cached, completion = kept["tokens"]
        assert kept["cost"] == pytest.approx(
            ((prompt - cached) * 0.95 + cached * 0.16 + completion * 4) / 1e6
        )
        answers = [
            event["answer"]
            for file in ("events.jsonl", "attempt-2.jsonl", "attempt-3.jsonl")
            for event in map(json.loads, (out / "run" / name / file).read_text().splitlines())
            if event["kind"] == "answered"
        ]
        assert kept["cost"] == pytest.approx(sum(answer["cost"] for answer in answers))
        costs.append(kept["cost"])
        assert f"${kept['cost']:.3f}" in (out / "run.md").read_text()
    assert f"${sum(costs):.2f}" in done.stdout.splitlines()[2]
    assert sum(costs) > 0.01


def test_an_instance_whose_model_failed_says_why_and_is_tried_again_when_asked(instances: Path) -> None:
    with KimiApi(Author(load(instances)), keys=("sk-right",)) as api:
        wrong = run(instances, api.url, "--only", "ada__engine-1")
    assert wrong.returncode == 1
    assert "1 failed" in wrong.stdout
    assert "key" in (instances.parent / "out" / "run.md").read_text().splitlines()[-1]
    with KimiApi(Author(load(instances))) as api:
        again = run(instances, api.url, "--only", "ada__engine-1", "--retry")
    assert again.returncode == 0
    assert "1 submitted" in again.stdout


def test_what_asks_no_model_tells_no_cost(instances: Path) -> None:
    done = swebench("validate", instances, str(instances), "--out", str(instances.parent / "sound"))
    assert "$" not in done.stdout


def test_the_official_harness_loads_the_predictions_and_the_rows(instances: Path, host: str) -> None:
    utils = pytest.importorskip("swebench.harness.utils")
    out = instances.parent / "out"
    run(instances, host, "--only", "ada__engine-1")
    [prediction] = utils.get_predictions_from_file(str(out / "preds.jsonl"), str(instances), "test")
    assert prediction["instance_id"] == "ada__engine-1"
    assert "return n // 2" in prediction["model_patch"]
    from kimi_mcp.swebench.docker_harness import official_row

    rows = out / "official.json"
    rows.write_text(json.dumps([official_row(instance) for instance in load(instances)]))
    names = [row["instance_id"] for row in utils.load_swebench_dataset(str(rows), "test", ["ada__engine-1"])]
    assert names == ["ada__engine-1"]


def test_a_gold_patch_is_validated(instances: Path) -> None:
    out = instances.parent / "sound"
    done = swebench("validate", instances, str(instances), "--out", str(out))
    assert done.returncode == 0
    assert "2 sound" in done.stdout


def test_a_folder_of_another_batch_is_refused_in_a_sentence(instances: Path, host: str) -> None:
    run(instances, host, "--only", "ada__engine-1")
    other = run(instances, host, "--only", "ada__engine-1", "--attempts", "3")
    assert other.returncode != 0
    assert "another attempts" in other.stderr
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--workers", "0"], "--workers: 0 is below 1"),
        (["--workers", "two"], "--workers: 'two' is not a whole number"),
        (["--attempts", "-1"], "--attempts: -1 is below 1"),
        (["--max-cost", "nan"], "--max-cost: nan is below 0"),
        (["--max-time", "0"], "--max-time: 0 is below 1"),
        (["--only", " , "], "--only: no instance id is named; leave the flag out for all"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_refused_before_anything_is_made(
    instances: Path, words: list[str], told: str
) -> None:
    done = run(instances, "http://127.0.0.1:1", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (instances.parent / "out").exists()


def test_ids_may_have_blanks_around_their_commas(instances: Path) -> None:
    done = swebench(
        "validate",
        instances,
        str(instances),
        "--out",
        str(instances.parent / "out"),
        "--only",
        " ada__engine-2, ada__engine-3",
    )
    assert done.returncode == 1
    assert f"{instances} has no instance ada__engine-3; look at its instance_id fields." in done.stderr


def test_histories_are_asked_for_once_and_not_by_every_instance(instances: Path) -> None:
    command = [sys.executable, "-m", "kimi_mcp", "swebench", "validate", str(instances), "--out", "nowhere"]
    done = subprocess.run(command, cwd=instances.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "clone ada/engine, and name the folder that holds it with --repos." in done.stderr
    assert not (instances.parent / "nowhere").exists()


def test_rows_without_patches_are_not_taken_for_predictions(instances: Path) -> None:
    out = str(instances.parent / "out")
    done = swebench("evaluate", instances, str(instances), "--instances", str(instances), "--out", out)
    assert done.returncode == 1
    assert "does not hold predictions: each needs an instance_id and a model_patch." in done.stderr
