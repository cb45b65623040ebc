"""The index on a disk, a clock and names that do what they should not: whole answers, and never an old symbol."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools import symbols
from kimi_tools.index import Index
from kimi_tools.store.database import Store
from kimi_tools.testrun import find_tests
from kimi_tools.workspace import Workspace
from tests.conftest import git

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

PROGRAM = """
import sys, anyio, resource
from pathlib import Path
from kimi_tools.index import Index
from kimi_tools.store.database import Store
from kimi_tools.workspace import Workspace
if sys.argv[4:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
workspace = Workspace(sys.argv[1], state=sys.argv[2])
index = Index(workspace, Store(Path(sys.argv[3])))
print("begun", flush=True)
coverage = anyio.run(index.complete, 100.0)
print(coverage.complete, len(index.names()), [f"{s.path}:{s.definition.line}" for s in index.symbols("f5")])
print(index.store.path)
index.close()
"""


def many(count: int, name: str = "f") -> dict[str, str | bytes]:
    return {f"p{n % 17}/m{n}.py": f"def {name}{n}(): return g{n}()\n" for n in range(count)}


def built(workspace: Workspace, folder: Path) -> Index:
    index = Index(workspace, Store(folder))
    assert anyio.run(index.complete, 100.0).complete
    return index


def where(index: Index, name: str) -> list[str]:
    anyio.run(index.refresh)
    return [f"{symbol.path}:{symbol.definition.line}" for symbol in index.symbols(name)]


def arguments(workspace: Workspace, tmp_path: Path, folder: Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(workspace.root), str(tmp_path / "state2"), str(folder)]


def test_where_no_more_may_be_written_the_index_goes_on_in_memory(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """A limit of the file's size fails a write just as a quota does."""
    command = [*arguments(make_workspace(many(1500)), tmp_path, tmp_path / "index"), "200000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "begun\nTrue 1500 ['p5/m5.py:1']\n:memory:\n", done.stderr


def test_on_a_full_disk_the_index_goes_on_in_memory(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=300k none "$0" && exec "$@"', str(disk)]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a small file system cannot be mounted here")
    command = [*mounted, *arguments(make_workspace(many(1500)), tmp_path, disk / "index")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "begun\nTrue 1500 ['p5/m5.py:1']\n:memory:\n", done.stderr


def test_a_log_that_was_cut_off_costs_a_rebuild_at_most(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(many(200))
    index = built(workspace, tmp_path / "index")
    shutil.copytree(tmp_path / "index", tmp_path / "copy")  # the log as it is while the database is open
    index.close()
    (workspace.root / "p5/m5.py").write_text("def other(): ...\n")
    (log,) = (tmp_path / "copy").glob("*-wal")
    whole = log.read_bytes()
    assert whole
    for kept in (len(whole) // 2, 5000, 20, 0):
        log.write_bytes(whole[:kept])
        again = built(workspace, tmp_path / "copy")
        assert (where(again, "f5"), where(again, "other")) == ([], ["p5/m5.py:1"])
        assert where(again, "f6") == ["p6/m6.py:1"]
        again.close()
        shutil.rmtree(tmp_path / "copy")
        (tmp_path / "copy").mkdir()


def test_a_builder_that_is_killed_leaves_what_the_next_one_needs(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(many(1500))
    command = arguments(workspace, tmp_path, tmp_path / "index")
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            store = Store(tmp_path / "index")
            before = store.counts()["blob"]
            while process.poll() is None and store.counts()["blob"] == before:
                pass  # until it has written something: it is killed in the middle
            store.close()
            os.killpg(process.pid, signal.SIGKILL)
    (workspace.root / "p5/m5.py").write_text("def other(): ...\n")
    index = built(workspace, tmp_path / "index")
    assert (where(index, "f5"), where(index, "other")) == ([], ["p5/m5.py:1"])
    assert len(index.names()) == 1500
    index.close()


def test_branches_that_are_switched_while_it_is_built_leave_no_symbol_behind(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(many(600))
    git(workspace.root, "checkout", "-q", "-b", "other")
    for path, text in many(600, "h").items():
        assert isinstance(text, str)
        (workspace.root / path).write_text(text)
    git(workspace.root, "commit", "-qam", "Other")
    index = Index(workspace, Store(tmp_path / "index"))
    for branch, here, gone in (
        ("main", "f", "h"),
        ("other", "h", "f"),
        ("main", "f", "h"),
        ("other", "h", "f"),
    ):
        git(workspace.root, "checkout", "-q", branch)
        anyio.run(index.refresh)
        anyio.run(index.ahead, f"{here}7")
        assert where(index, f"{gone}7") == []
        assert not any(name.startswith(gone) for name in index.names())
        assert where(index, f"{here}7") == ["p7/m7.py:1"]
    assert anyio.run(index.complete, 100.0).complete
    assert sorted(index.names()) == sorted(f"h{number}" for number in range(600))
    index.close()


def test_a_clock_that_goes_backwards_hides_no_change(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace({"a.py": "def f0(): ...\n"})
    index = Index(workspace, Store(tmp_path / "index"))
    assert where(index, "f0") == ["a.py:1"]
    now = time.time_ns()
    for number, back in enumerate((3_600, 86_400 * 400, 1, 0), 1):
        monkeypatch.setattr(time, "time_ns", lambda back=back: now - back * 10**9)
        monkeypatch.setattr(time, "time", lambda back=back: now / 1e9 - back)
        (workspace.root / "a.py").write_text(f"def f{number}(): ...\n")
        os.utime(workspace.root / "a.py", ns=(now - back * 10**9, now - back * 10**9))
        assert (where(index, f"f{number - 1}"), where(index, f"f{number}")) == ([], ["a.py:1"])
    index.close()


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text exist on Linux only")
def test_names_that_are_no_text_are_shown_marked_and_break_no_tool(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "def plain(): ...\n"})
    folder = os.fsencode(workspace.root) + b"/odd-\xff"
    os.mkdir(folder)
    for name, text in (
        (b"caf\xe9.py", b"def odd_name(): ...\n"),
        (b"test_\xe9.py", b"from caf import odd_name\ndef test_odd(): odd_name()\n"),
    ):
        with open(folder + b"/" + name, "wb") as file:
            file.write(text)
    marked = "odd-⟨U+DCFF⟩/caf⟨U+DCE9⟩.py"
    for tool, given in (
        (symbols.find_symbol, {"name": "odd_name"}),
        (symbols.find_references, {"name": "odd_name"}),
        (symbols.locate, {"text": "odd_name is broken"}),
        (symbols.outline, {"path": "."}),
        (symbols.repo_map, {}),
        (find_tests, {"of": "odd_name"}),
    ):
        result = anyio.run(tool, workspace, given)
        result.text.encode()
        result.data.model_dump_json()
        if tool is not find_tests:
            assert marked in result.text, tool.name
    assert "test_⟨U+DCE9⟩.py" in result.text
