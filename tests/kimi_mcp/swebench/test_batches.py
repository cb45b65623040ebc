"""Batches: isolation of jobs, and every instance exactly once whatever happens."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kimi_mcp.swebench.batch import Batch, Tally, read_predictions, write_predictions
from kimi_mcp.swebench.engine import Engine, Local
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job, perform

WORKS = "tests.kimi_mcp.swebench.works_for_tests"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def importable_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def job(name: str, work: str, seconds: float = 60, **arguments: object) -> Job:
    return Job(name, f"{WORKS}:{work}", {"name": name, **arguments}, seconds)


def run_batch(batch: Batch, engine: Engine, jobs: list[Job], *, retry: bool = False) -> Tally:
    async def watch() -> Tally:
        return [tally async for tally, _ in batch.run(engine, jobs, retry=retry)][-1]

    return asyncio.run(watch())


def test_one_jobs_crash_or_bug_or_refusal_is_its_own_outcome(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger")
    jobs = [
        job("a", "crash"),
        job("b", "bug"),
        job("c", "refuse"),
        job("d", "note", ledger=ledger),
    ]
    batch = Batch(tmp_path / "out", "solve", {})
    tally = run_batch(batch, Local(2), jobs)
    assert {name: ended.status for name, ended in tally.ended.items()} == {
        "a": "crashed",
        "b": "crashed",
        "c": "failed",
        "d": "done",
    }
    assert "exit code -11" in tally.ended["a"].error
    assert "ZeroDivisionError" in tally.ended["b"].error
    assert tally.ended["c"].error == "There is no Python 1.5 on this machine."
    assert batch.file("d", "patch.diff").read_text() == "patch of d\n"


def test_a_hanging_job_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    ended = perform(job("h", "hang", seconds=4, pids=str(pids)))
    assert ended.status == "timed_out"
    deadline = time.monotonic() + 20
    for pid in pids.read_text().split():
        while is_alive(int(pid)):
            assert time.monotonic() < deadline, f"process {pid} is still there"
            os.sched_yield()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that its new parent has not looked at yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_batch_goes_on_where_it_was_and_retries_only_when_asked(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    jobs = [job("a", "note", ledger=str(ledger)), job("c", "refuse")]
    batch = Batch(tmp_path / "out", "solve", {"model": "k2"})
    run_batch(batch, Local(1), jobs)
    again = run_batch(Batch(tmp_path / "out", "solve", {"model": "k2"}), Local(1), jobs)
    assert again.resumed == 2
    retried = run_batch(batch, Local(1), [jobs[0], job("c", "note", ledger=str(ledger))], retry=True)
    assert retried.ended["c"].status == "done"
    assert ledger.read_text().split() == ["a", "c"]


def test_a_folder_belongs_to_one_batch(tmp_path: Path) -> None:
    Batch(tmp_path, "solve", {"model": "k2", "instances": "1"})
    with pytest.raises(BatchError, match="another model"):
        Batch(tmp_path, "solve", {"model": "k3", "instances": "1"})


DRIVER = """
import asyncio, sys
from pathlib import Path
from kimi_mcp.swebench.batch import Batch
from kimi_mcp.swebench.engine import Local
from kimi_mcp.swebench.jobs import Job

async def main(out, ledger):
    jobs = [Job(f"i{n}", "tests.kimi_mcp.swebench.works_for_tests:note",
                {"name": f"i{n}", "ledger": ledger, "seconds": 0.3}, 60) for n in range(12)]
    async for tally, ended in Batch(Path(out), "solve", {}).run(Local(2), jobs):
        print(len(tally.ended), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_batch_killed_in_the_middle_does_each_instance_once_after_resuming(tmp_path: Path) -> None:
    out, ledger = tmp_path / "out", tmp_path / "ledger"
    command = [sys.executable, "-c", DRIVER, str(out), str(ledger)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert driver.stdout is not None
    for line in driver.stdout:
        if int(line) >= 4:
            break
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    done_before = len(list((out / "solve").glob("*.json")))
    assert 4 <= done_before < 12
    wait_until_quiet(ledger)
    resumed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert resumed.stdout.split()[0] == str(done_before)
    kept = sorted(path.stem for path in (out / "solve").glob("*.json"))
    assert kept == sorted(f"i{n}" for n in range(12))
    counts = Counter(ledger.read_text().split())
    assert set(counts) == set(kept)
    # what was in the workers' hands when the driver died may have run without being kept; nothing else twice
    assert sum(counts.values()) <= 12 + 2
    assert not list((out / "solve").glob(".*.part"))


def wait_until_quiet(ledger: Path) -> None:
    """Until jobs that outlive their driver for a moment are gone: the kernel ends them with it."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 1.0:
        if (size := ledger.stat().st_size) != seen:
            seen, since = size, time.monotonic()
        os.sched_yield()


def test_predictions_have_the_official_form_and_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "preds.jsonl"
    write_predictions(path, "kimi-k2", [("a__b-1", "diff --git\u2028\r\n"), ("a__b-2", "")])
    rows = [json.loads(line) for line in path.read_text().split("\n") if line]
    assert [sorted(row) for row in rows] == [["instance_id", "model_name_or_path", "model_patch"]] * 2
    assert read_predictions(path) == {"a__b-1": "diff --git\u2028\r\n", "a__b-2": ""}
    path.write_text(json.dumps({row["instance_id"]: row for row in rows}))
    assert read_predictions(path)["a__b-1"] == "diff --git\u2028\r\n"


def test_an_outcome_is_the_same_after_a_trip_to_disk(tmp_path: Path) -> None:
    batch = Batch(tmp_path, "solve", {})
    ended = Ended("x", "done", 1.5, facts={"resolved": True}, files={"patch.diff": "p"})
    batch.keep(ended)
    kept = batch.outcome("x")
    assert kept is not None
    assert (kept.status, kept.seconds, kept.facts) == ("done", 1.5, {"resolved": True})
