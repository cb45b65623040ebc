"""No fault on the way tears or loses a file: each system call of a write fails, or the process dies there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_tools import journal
from kimi_tools.errors import ToolError
from kimi_tools.workspace import Workspace
from tests.faults import disk, kills


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with disk.not_waiting_for_the_disk():
        yield


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("scenario", disk.SCENARIOS)
def test_whichever_system_call_fails_all_files_are_old_or_all_are_new(
    tmp_path: Path, scenario: str, lasting: bool
) -> None:
    workspace = kills.fresh(tmp_path / "w")
    start = disk.tree(workspace.root)
    faults = disk.faults_of(scenario, workspace)
    end = disk.tree(workspace.root)
    refused = 0
    for number, how in faults:
        workspace = kills.fresh(tmp_path / "w")
        told = _run(workspace, scenario, number, how, lasting)
        now = disk.tree(workspace.root)
        if told is None:  # the fault was one that may be passed over, such as cleaning up
            assert now == end, (number, how)
        else:
            refused += 1
            assert isinstance(told, ToolError), (number, how, told)
            assert lasting or now == start, (number, how)
        assert kills.look(workspace, start, end) in ("old", "new"), (number, how)
        workspace.close()
    assert refused > len(faults) / 2


def _run(workspace: Workspace, scenario: str, number: int, how: disk.How, lasting: bool) -> Exception | None:
    def strike(at: int, name: str) -> disk.How | None:
        if at == number:
            return how
        return "before" if lasting and at > number else None

    with disk.struck(strike, disk.fail):
        try:
            disk.SCENARIOS[scenario](workspace)
        except Exception as error:
            return error
    return None


@pytest.mark.timeout(3600)
def test_kill_9_at_any_system_call_tears_and_loses_nothing(tmp_path: Path, kill_rounds: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", str(tmp_path / "w"), str(kill_rounds)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60 + 2 * kill_rounds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kill_rounds} rounds" in done.stdout
    assert " 0 wrong" in done.stdout
    assert ", 0 killed" not in done.stdout


def test_a_crash_in_the_middle_is_on_record_and_taken_back_by_a_new_process(tmp_path: Path) -> None:
    workspace = kills.fresh(tmp_path / "w")
    before = disk.tree(workspace.root)
    swaps = 0

    class Dies(BaseException):
        pass

    def strike(at: int, name: str) -> disk.How | None:
        nonlocal swaps
        swaps += name in ("replace", "place", "unlink")
        return "before" if swaps >= 4 else None  # the intent's own, the first file's, the second's

    def die() -> None:
        raise Dies

    with pytest.raises(Dies), disk.struck(strike, die):
        disk.many_files(workspace)
    assert disk.tree(workspace.root) != before
    again = Workspace(workspace.root, state=workspace.state)
    assert [record.paths for record in journal.recover(again)] == [
        ("a.txt", "x/new.txt", "b.txt", "d/c.txt", "run.sh")
    ]
    assert disk.tree(workspace.root) == before
    assert [record.cut_off for record in journal.records(again)] == [True]


def _read_only(workspace: Workspace, at: Path) -> Exception | None:
    """The error of an edit while `at` is mounted read-only, in a child with mounts of its own."""
    code = (
        "import subprocess, sys; from pathlib import Path; from tests.faults import disk;"
        "from kimi_tools.workspace import Workspace; from kimi_tools.errors import ToolError\n"
        "root, state, at = map(Path, sys.argv[1:])\n"
        "for words in (['--bind', at, at], ['-o', 'remount,bind,ro', at]):\n"
        "    subprocess.run(['mount', *words], check=True)\n"
        "try:\n    disk.many_files(Workspace(root, state=state))\n"
        "except ToolError as error:\n    print('told:', error)\n"
    )
    inside = [sys.executable, "-c", code, str(workspace.root), str(workspace.state), str(at)]
    done = subprocess.run(
        ["unshare", "-Urm", *inside],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "told:" not in done.stdout:
        pytest.skip(f"no mount of our own here: {done.stderr[-200:]}")
    return ToolError(done.stdout.removeprefix("told: "))


def test_on_a_read_only_disk_nothing_changes_nothing_is_left_and_the_reason_is_told(tmp_path: Path) -> None:
    workspace = kills.fresh(tmp_path / "w")
    journal.apply(workspace, "first", [journal.Change("first.txt", None, b"x")])
    start = disk.tree(workspace.root)
    told = str(_read_only(workspace, workspace.root))
    assert "Read-only" in told and "taken back" not in told
    assert disk.tree(workspace.root) == start
    assert not list((workspace.state / "journal").glob("*.intent"))
    disk.many_files(workspace)


def test_with_a_read_only_journal_nothing_is_changed_and_the_way_out_is_told(tmp_path: Path) -> None:
    workspace = kills.fresh(tmp_path / "w")
    journal.apply(workspace, "first", [journal.Change("first.txt", None, b"x")])
    start = disk.tree(workspace.root)
    told = str(_read_only(workspace, workspace.state))
    assert "Read-only" in told and "KIMI_MCP_STATE" in told
    assert disk.tree(workspace.root) == start
    disk.many_files(workspace)
