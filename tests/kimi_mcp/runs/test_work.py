"""A run on disk: private, recorded, resumable after a kill at any step, without a trace in the user's tree."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.model.errors import KeyRefused
from kimi_mcp.model.messages import Model
from kimi_mcp.runs.apply import apply
from kimi_mcp.runs.folder import RunFolder, create, every, find
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import work
from kimi_tools.errors import Conflict, NotAllowed, NotFound
from kimi_tools.sandbox import choose
from kimi_tools.workspace import Workspace
from tests.kimi_mcp.agent.conftest import BUGGY, FIX, REPRODUCE, outcome, shell
from tests.kimi_mcp.agent.script import Says, Script, calls

MakeRepository = Callable[[dict[str, str | bytes]], Path]

SUBMIT = calls(("submit", {"summary": "add() subtracted."}))


def turns() -> list[Says]:
    return [
        calls(("read_file", {"path": "calc.py"})),
        shell(REPRODUCE),
        shell(FIX),
        shell("python3 -m unittest -q test_calc"),
        shell(REPRODUCE),
        SUBMIT,
        SUBMIT,
    ]


@pytest.fixture
def folder(make_repository: MakeRepository, tmp_path: Path) -> RunFolder:
    root = make_repository({**BUGGY, ".gitignore": "built/\n"})
    (root / "built").mkdir()
    (root / "built" / "product.o").write_text("kept")
    return create(tmp_path / "state", Request(issue="add(1, 2) is -1", root=root, no_sandbox=True))


def scripted(script: Script) -> Callable[[], object]:
    @asynccontextmanager
    async def connected() -> AsyncIterator[Model]:
        yield script

    return connected


def do(folder: RunFolder, script: Script, stop_after: int = 0) -> list[ev.Event]:
    """Work on a run; break off, as a kill would, behind so many recorded events."""
    events: list[ev.Event] = []

    async def scenario() -> None:
        async with aclosing(work(folder, scripted(script))) as happening:  # type: ignore[arg-type]
            async for event in happening:
                if ev.recorded(event):
                    events.append(event)
                if stop_after and len(events) == stop_after:
                    return

    anyio.run(scenario)
    return events


def tree_hash(root: Path) -> str:
    """A hash over every file's name, mode and bytes."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        digest.update(f"{path.relative_to(root)} {path.lstat().st_mode}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_a_run_works_in_a_private_copy_and_leaves_the_users_tree_as_it_is(folder: RunFolder) -> None:
    root = folder.record().request.root
    before = tree_hash(root)
    done = outcome(do(folder, Script(turns())))
    assert done.status == "submitted"
    assert tree_hash(root) == before
    assert b"+    return a + b" in folder.patch_file.read_bytes()
    assert not folder.place.exists()


def test_ignored_build_products_are_in_the_copy(folder: RunFolder) -> None:
    events = do(folder, Script([shell("cat built/product.o"), *turns()]))
    result = next(event for event in events if isinstance(event, ev.Returned))
    assert "kept" in result.text


def test_everything_of_a_run_is_the_users_alone(folder: RunFolder) -> None:
    do(folder, Script(turns()))
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    for path in folder.path.iterdir():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert path.is_dir() or mode == 0o600, path


def test_the_record_is_the_run(folder: RunFolder) -> None:
    events = do(folder, Script(turns()))
    assert folder.events() == events
    assert folder.outcome() == outcome(events)


def test_a_run_that_was_broken_off_anywhere_goes_on_to_the_same_patch(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    whole = create(tmp_path / "whole", Request(issue="x", no_sandbox=True, root=root))
    count = len(do(whole, Script(turns())))
    for stop in range(1, count, 3):
        broken = create(tmp_path / "broken", Request(issue="x", no_sandbox=True, root=root))
        do(broken, Script(turns()), stop_after=stop)
        drop_after(broken, stop)
        answers = sum(isinstance(event, ev.Answered) for event in broken.events())
        (broken.place / "calc.py").write_text("half an edit that no event knows of")
        done = outcome(do(broken, Script(turns()[answers:])))
        assert done.status == "submitted", (stop, done.reason)
        assert broken.patch_file.read_bytes() == whole.patch_file.read_bytes(), stop


def drop_after(folder: RunFolder, count: int) -> None:
    """Take the events behind the first `count` away, and leave a torn line: as a power cut would."""
    lines = folder.events_file.read_bytes().splitlines(keepends=True)
    folder.events_file.write_bytes(b"".join(lines[:count]) + b'{"kind": "sai')


def test_a_run_is_held_by_one_process_only(folder: RunFolder) -> None:
    with folder.at_work():
        assert folder.is_at_work()
        with pytest.raises(Conflict, match="at work in another process"):
            do(folder, Script(turns()))
    assert not folder.is_at_work()


def test_a_model_that_cannot_be_reached_is_an_outcome_too(folder: RunFolder) -> None:
    @asynccontextmanager
    async def refused() -> AsyncIterator[Model]:
        raise KeyRefused("The host refuses the key.")
        yield

    async def scenario() -> list[ev.Event]:
        return [event async for event in work(folder, refused)]

    assert outcome(anyio.run(scenario)).reason == "The host refuses the key."
    assert outcome(do(folder, Script(turns()))).status == "submitted"


def test_what_another_process_says_reaches_the_model(folder: RunFolder) -> None:
    folder.say("Mind negative numbers.")
    script = Script([shell("sleep 1"), *turns()])
    events = do(folder, script)
    said = [event.text for event in events if isinstance(event, ev.Said) and event.about == "steering"]
    assert said == ["Mind negative numbers."]


def test_runs_are_found_by_the_end_of_their_name_or_as_the_last(folder: RunFolder, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert [run.id for run in every(state)] == [folder.id]
    assert find(state, folder.id[-4:]).id == find(state, "last").id == folder.id
    with pytest.raises(NotFound, match="There is no run 'zzz'"):
        find(state, "zzz")


def test_a_run_in_place_changes_the_users_tree(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository(BUGGY)
    folder = create(tmp_path / "state", Request(issue="x", no_sandbox=True, root=root, in_place=True))
    do(folder, Script(turns()))
    assert "a + b" in (root / "calc.py").read_text()
    assert os.listdir(folder.path).count("place") == 0


def test_an_attempt_that_cannot_be_verified_is_followed_by_another_and_the_best_is_kept(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """The first attempt insists on a wrong fix; the second one fixes it. The user gets the second."""
    root = make_repository(BUGGY)
    folder = create(tmp_path / "state", Request(issue="x", no_sandbox=True, root=root, mode="agent"))
    wrong = [
        shell(REPRODUCE),
        shell("sed -i 's/a - b/a * b/' calc.py"),
        shell(REPRODUCE),
        SUBMIT,
        SUBMIT,
        SUBMIT,
    ]
    tests = calls(("run_command", {"command": "python3 -m unittest -q test_calc"}))
    right = [
        shell(REPRODUCE),
        calls(("run_command", {"command": FIX})),
        tests,
        shell(REPRODUCE),
        SUBMIT,
        SUBMIT,
    ]
    script = Script([*wrong, *right])
    events = do(folder, script)
    attempted = [event for event in events if isinstance(event, ev.Attempted)]
    assert [(one.number, one.outcome.evidence.verified) for one in attempted] == [(1, False), (2, True)]
    done = outcome(events)
    assert (done.status, done.attempt, done.attempts) == ("submitted", 2, 2)
    assert done.steps == sum(one.outcome.steps for one in attempted)
    assert b"+    return a + b" in folder.patch_file.read_bytes()
    assert not list(folder.path.glob("**/place"))
    with closing(Workspace(root, state=tmp_path / "user")) as workspace:
        assert anyio.run(apply, folder, workspace) == ["calc.py"]
    assert "a + b" in (root / "calc.py").read_text()


def test_commands_see_the_private_copy_at_the_repositorys_own_path(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    try:
        mounts = choose().mounts
    except NotAllowed as reason:
        pytest.skip(str(reason))
    if not mounts:
        pytest.skip("this machine's sandbox cannot mount a copy")
    folder = create(tmp_path / "state", Request(issue="x", root=root))
    events = do(folder, Script([shell(f"pwd; echo changed > {root}/calc.py; cat calc.py"), *turns()]))
    result = next(event for event in events if isinstance(event, ev.Returned))
    assert result.text.splitlines()[1:] == [str(root), "changed"]
    assert (root / "calc.py").read_text() == BUGGY["calc.py"]
