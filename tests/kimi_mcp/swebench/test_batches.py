"""Batches: isolation of jobs, and every instance exactly once whatever happens."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_mcp.swebench.batch import Batch, fingerprint
from kimi_mcp.swebench.engine import Engine, Local
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.predictions import read_predictions, write_predictions
from kimi_mcp.swebench.scratch import PREFIX
from kimi_mcp.swebench.tally import Tally

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


def test_a_hang_a_crash_a_kill_a_bug_and_a_refusal_leave_the_good_ones_alone(tmp_path: Path) -> None:
    ledger, pids = str(tmp_path / "ledger"), tmp_path / "pids"
    jobs = [
        job("hangs", "hang", seconds=4, pids=str(pids)),
        job("crashes", "crash"),
        job("killed", "killed"),
        job("buggy", "bug"),
        job("refuses", "refuse"),
        *(job(f"good{n}", "note", ledger=ledger) for n in range(3)),
    ]
    batch = Batch(tmp_path / "out", "solve", {})
    seen: list[str] = []

    async def watch() -> None:
        async for _, ended in batch.run(Local(3), jobs):
            if ended is not None:
                seen.append(ended.instance)

    asyncio.run(watch())
    assert sorted(seen) == sorted(one.instance for one in jobs)
    ended = batch.outcomes()
    assert {name: end.status for name, end in ended.items()} == {
        "hangs": "timed_out",
        "crashes": "crashed",
        "killed": "crashed",
        "buggy": "crashed",
        "refuses": "failed",
        "good0": "done",
        "good1": "done",
        "good2": "done",
    }
    assert ended["hangs"].error == "it did not end within 4 s"
    assert "SIGSEGV" in ended["crashes"].error
    assert "SIGKILL" in ended["killed"].error
    assert "ZeroDivisionError" in ended["buggy"].error
    assert ended["refuses"].error == "There is no Python 1.5 on this machine."
    assert batch.file("good1", "patch.diff").read_text() == "patch of good1\n"
    assert sorted((tmp_path / "ledger").read_text().split()) == ["good0", "good1", "good2"]
    gone(pids)


def gone(pids: Path) -> None:
    """Wait until processes are gone; the kernel takes a moment to end them."""
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
    assert retried.rows["c"].state == "resolved"
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
        print(len(tally.rows), flush=True)

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


WATCHED = """
import sys
from pathlib import Path
from kimi_mcp.cli import batch_watch
from kimi_mcp.swebench.batch import Batch
from kimi_mcp.swebench.engine import Local
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Job

out, folder = Path(sys.argv[1]), Path(sys.argv[2])
works = "tests.kimi_mcp.swebench.works_for_tests"
ledger = str(folder / "ledger")
jobs = [
    Job("a", f"{works}:note", {"name": "a", "ledger": ledger}, 60),
    Job("b", f"{works}:gate", {"name": "b", "ledger": ledger, "folder": str(folder)}, 60),
    Job("c", f"{works}:note", {"name": "c", "ledger": ledger}, 60),
]
try:
    sys.exit(batch_watch.carry_out(Local(1), Batch(out, "solve", {}), jobs, "Run", None, retry=False))
except BatchError as error:
    sys.exit(f"kimi-mcp: {error}")
"""
"""A batch of three, the second of which waits until the file `open` is there."""


def watched(tmp_path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "out"), str(tmp_path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def until_b_runs(tmp_path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (tmp_path / "runs").exists():
        assert time.monotonic() < deadline
        os.sched_yield()


def test_what_a_killed_batch_left_in_the_temporary_folder_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    driver = watched(tmp_path)
    until_b_runs(tmp_path)
    (temporary / f"{PREFIX}of-another-version").mkdir()
    [lock] = temporary.glob(f"{PREFIX}*/lock")
    sweep = [sys.executable, "-c", "from kimi_mcp.swebench.scratch import Scratch; Scratch().remove()"]
    os.utime(lock, (0, 0))  # as old as it may be
    subprocess.run(sweep, cwd=ROOT, check=True)
    assert lock.exists(), "its process lives"
    job = int((tmp_path / "runs").read_text())
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + 60
    while is_alive(job):
        assert time.monotonic() < deadline
        os.sched_yield()
    subprocess.run(sweep, cwd=ROOT, check=True)
    assert [path.name for path in temporary.glob(f"{PREFIX}*")] == [f"{PREFIX}of-another-version"]


def finished_later(tmp_path: Path) -> str:
    """The same command again, to its end."""
    (tmp_path / "open").touch()
    again = watched(tmp_path)
    said, complaint = again.communicate(timeout=60)
    assert (again.returncode, complaint) == (0, "")
    assert sorted(path.stem for path in (tmp_path / "out" / "solve").glob("*.json")) == ["a", "b", "c"]
    return said


def test_the_first_ctrl_c_lets_what_runs_end_and_begins_nothing_more(tmp_path: Path) -> None:
    driver = watched(tmp_path)
    until_b_runs(tmp_path)
    driver.send_signal(signal.SIGINT)
    assert driver.stdout is not None
    said = next(line for line in driver.stdout if "Stopping" in line)
    assert said == "Stopping: no more instances begin, 1 may end; Ctrl-C again ends them now.\n"
    (tmp_path / "open").touch()
    rest, complaint = driver.communicate(timeout=60)
    assert (driver.returncode, complaint) == (130, "")
    assert "2 of 3 instances: 2 resolved" in rest
    assert "Resumed: 2 of 3" in finished_later(tmp_path)
    assert (tmp_path / "ledger").read_text().split() == ["a", "b", "c"]


@pytest.mark.parametrize(("numbers", "code"), [((2, 2), 130), ((15,), 143)])
def test_a_second_ctrl_c_or_term_ends_what_runs_and_tells_the_report(
    tmp_path: Path, numbers: tuple[int, ...], code: int
) -> None:
    driver = watched(tmp_path)
    until_b_runs(tmp_path)
    assert driver.stdout is not None
    for number in numbers:
        driver.send_signal(number)
        assert next(line for line in driver.stdout if "Stopping" in line)
    rest, complaint = driver.communicate(timeout=60)
    assert (driver.returncode, complaint) == (code, "")
    assert "1 of 3 instances: 1 resolved" in rest
    gone(tmp_path / "runs")
    assert (tmp_path / "out" / "solve.md").read_text().count("| resolved |") == 1
    assert "Resumed: 1 of 3" in finished_later(tmp_path)
    assert (tmp_path / "ledger").read_text().split() == ["a", "b", "c"]


def test_a_second_driver_in_the_same_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    first = watched(tmp_path)
    until_b_runs(tmp_path)
    second = watched(tmp_path)
    said, complaint = second.communicate(timeout=60)
    assert (second.returncode, said) == (1, "")
    assert complaint.startswith(
        f"kimi-mcp: {tmp_path / 'out'} is in use by another kimi-mcp (process {first.pid} on "
    )
    (tmp_path / "open").touch()
    assert first.communicate(timeout=60)[1] == ""
    assert first.returncode == 0


def test_a_disk_that_takes_no_more_stops_the_batch_in_a_sentence_and_it_goes_on_later(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger")
    jobs = [job("a", "note", ledger=ledger), job("b", "big"), job("c", "note", ledger=ledger)]
    batch = Batch(tmp_path / "out", "solve", {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(BatchError, match=r"The outcome of b cannot be kept in .*: File too large"):
            run_batch(batch, Local(1), jobs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(batch.outcomes()) == ["a"]
    assert not list(tmp_path.rglob("*.part"))
    run_batch(batch, Local(1), jobs)
    assert sorted(batch.outcomes()) == ["a", "b", "c"]


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BatchError, match=r"The folder .*/file/out cannot be written: Not a directory"):
        Batch(tmp_path / "file" / "out", "solve", {})


def test_a_machine_without_the_histories_is_told_before_anything_runs(tmp_path: Path) -> None:
    nowhere = replace(job("a", "note", ledger=""), needs=[str(tmp_path / "repos")])
    with pytest.raises(BatchError, match=r"has no folder .*/repos, which --repos names"):
        run_batch(Batch(tmp_path / "out", "solve", {}), Local(1), [nowhere])


def test_a_large_batch_is_counted_as_it_goes_and_keeps_no_files_in_memory() -> None:
    tally = Tally(4)
    assert tally.seconds_left() is None
    for name in ("a", "b"):
        tally.add(Ended(name, "done", 30.0, facts={"resolved": name == "a", "cost": 0.25}))
    assert (dict(tally.states), tally.cost, tally.unfinished) == ({"resolved": 1, "not resolved": 1}, 0.5, 0)
    tally.running = {"c": time.monotonic(), "d": time.monotonic()}
    assert tally.seconds_left() == pytest.approx(30, abs=5)


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


ONE = '{"instance_id": "a__b-1", "model_patch": "p"}'


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{ONE}\r\n{ONE}\r\n",
        f'[{ONE}, {{"instance_id": "a__b-1", "model_patch": "p", "model_name_or_path": "m"}}]',
    ],
)
def test_predictions_are_read_with_what_editors_leave_and_where_one_is_told_twice(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "preds.jsonl"
    path.write_text(text, "utf-8", newline="")
    assert read_predictions(path) == {"a__b-1": "p"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no predictions"),
        ("{}", "holds no predictions"),
        (f'{ONE}\n{{"instance_id": "a__b-1", "model_patch": "q"}}', "two different patches for a__b-1"),
        (f'{ONE}\n{{"instance_id": "a__b', "does not hold predictions"),
        ('{"instance_id": 5, "model_patch": ""}', "does not hold predictions"),
        ('{"instance_id": ["a"], "model_patch": ""}', "does not hold predictions"),
        ('{"instance_id": "a__b-1", "model_patch": 7}', "does not hold predictions"),
        ("[" * 200_000, "does not hold predictions"),
    ],
)
def test_what_is_not_predictions_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "preds.jsonl"
    path.write_text(text)
    with pytest.raises(BatchError, match=said):
        read_predictions(path)


def test_an_outcome_that_the_disk_damaged_is_made_again_and_nothing_half_written_stays_among_them(
    tmp_path: Path,
) -> None:
    jobs = [job(name, "note", ledger=str(tmp_path / "ledger")) for name in ("a", "b", "c")]
    batch = Batch(tmp_path / "out", "solve", {})
    run_batch(batch, Local(1), jobs)
    (batch.folder / "a.json").write_text('{"instance": "a", "sta')
    (batch.folder / "b.json").write_text('{"other": "words"}')
    for part in (batch.folder / ".a.json.7.part", batch.file("a", ".patch.diff.7.part")):
        part.touch()
    others = batch.out / ".solve.batch.json.7.part"
    others.touch()  # another driver may be about to be refused
    assert sorted(batch.outcomes()) == ["c"]
    run_batch(batch, Local(1), jobs)
    assert sorted(batch.outcomes()) == ["a", "b", "c"]
    assert (tmp_path / "ledger").read_text().split() == ["a", "b", "c", "a", "b"]
    assert list(tmp_path.rglob("*.part")) == [others]
    (batch.out / "solve.batch.json").write_text("{")
    with pytest.raises(BatchError, match="damaged; choose another --out"):
        Batch(tmp_path / "out", "solve", {})


def test_an_outcome_is_the_same_after_a_trip_to_disk(tmp_path: Path) -> None:
    batch = Batch(tmp_path, "solve", {})
    ended = Ended("x", "done", 1.5, facts={"resolved": True}, files={"patch.diff": "p"})
    batch.keep(ended)
    kept = batch.outcome("x")
    assert kept is not None
    assert (kept.status, kept.seconds, kept.facts) == ("done", 1.5, {"resolved": True})


def test_a_folder_of_tasks_is_another_set_once_a_task_is_edited(tmp_path: Path) -> None:
    task = tmp_path / "tasks" / "one" / "task.json"
    task.parent.mkdir(parents=True)
    task.write_text("{}")
    before = fingerprint(tmp_path / "tasks")
    assert fingerprint(tmp_path / "tasks") == before
    task.write_text("[]")
    edited = fingerprint(tmp_path / "tasks")
    task.rename(task.with_name("other.json"))
    assert len({before, edited, fingerprint(tmp_path / "tasks")}) == 3
