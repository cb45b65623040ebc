"""The index stays exact: changes, damage, several processes, many files."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from kimi_tools.index import Index
from kimi_tools.index import live as live_module
from kimi_tools.store.database import Damaged, Store, content_key
from kimi_tools.syntax import extract, language_of
from kimi_tools.workspace import Workspace
from tests.conftest import git, write_files

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


@pytest.fixture
def open_index(tmp_path: Path) -> Iterator[Callable[..., Index]]:
    made: list[Index] = []

    def make(workspace: Workspace, folder: str = "index") -> Index:
        made.append(Index(workspace, Store(tmp_path / folder)))
        return made[-1]

    yield make
    for index in made:
        index.close()


def where(index: Index, name: str) -> list[str]:
    """Refresh, then the places where a name is defined."""
    anyio.run(index.refresh)
    anyio.run(index.ahead, name)
    return [f"{symbol.path}:{symbol.definition.line}" for symbol in index.symbols(name)]


def finish(index: Index) -> None:
    assert anyio.run(index.complete, 60.0).complete


OpenIndex = Callable[..., Index]


def test_every_kind_of_change_is_seen_at_once(make_workspace: MakeWorkspace, open_index: OpenIndex) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n", "sub/b.py": "def g(): ...\n"})
    index = open_index(workspace)
    assert (where(index, "f"), where(index, "g")) == (["a.py:1"], ["sub/b.py:1"])
    (workspace.root / "a.py").write_text("\ndef f(): ...\ndef h(): ...\n")
    assert (where(index, "f"), where(index, "h")) == (["a.py:2"], ["a.py:3"])
    (workspace.root / "new").mkdir()
    assert where(index, "k") == []
    (workspace.root / "new" / "c.py").write_text("def k(): ...\n")
    assert where(index, "k") == ["new/c.py:1"]
    (workspace.root / "a.py").unlink()
    assert where(index, "f") == []
    (workspace.root / "sub").rename(workspace.root / "moved")
    assert where(index, "g") == ["moved/b.py:1"]
    (workspace.root / ".gitignore").write_text("moved/\n")
    assert where(index, "g") == []


def test_a_change_that_keeps_size_and_times_is_seen(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    file = workspace.root / "a.py"
    os.utime(file, ns=(10**18, 10**18))
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    file.write_text("def g(): ...\n")
    os.utime(file, ns=(10**18, 10**18))
    assert (where(index, "f"), where(index, "g")) == ([], ["a.py:1"])


def test_a_file_that_is_only_touched_makes_another_version(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    """What was concluded while the file was being read again must not be kept under the same version."""
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    before = index.version
    os.utime(workspace.root / "a.py", ns=(10**18, 10**18))
    assert where(index, "f") == ["a.py:1"]
    assert index.version > before


def test_rapid_changes_within_one_tick_are_seen(make_workspace: MakeWorkspace, open_index: OpenIndex) -> None:
    workspace = make_workspace({"a.py": ""})
    index = open_index(workspace)
    for number in range(30):
        (workspace.root / "a.py").write_text(f"def f{number:02}(): ...\n")
        assert where(index, f"f{number:02}") == ["a.py:1"]


def test_a_switch_of_branches_is_seen(make_workspace: MakeWorkspace, open_index: OpenIndex) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    index = open_index(workspace)
    git(workspace.root, "checkout", "-q", "-b", "other")
    (workspace.root / "a.py").write_text("def g(): ...\n")
    git(workspace.root, "commit", "-qam", "Other")
    assert where(index, "g") == ["a.py:1"]
    git(workspace.root, "checkout", "-q", "main")
    assert (where(index, "f"), where(index, "g")) == (["a.py:1"], [])


def test_a_copy_shares_what_was_read(
    make_workspace: MakeWorkspace, open_index: OpenIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    assert where(open_index(workspace), "f") == ["a.py:1"]
    shutil.copytree(workspace.root, tmp_path / "copy")
    copy = Workspace(tmp_path / "copy", state=tmp_path / "state2")
    monkeypatch.setattr(live_module, "extract", lambda *_: pytest.fail("read again"))
    assert where(open_index(copy), "f") == ["a.py:1"]
    copy.close()


def test_the_next_process_reads_nothing_again(
    make_workspace: MakeWorkspace, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    os.utime(workspace.root / "a.py", ns=(10**18, 10**18))
    index = open_index(workspace)
    while where(index, "f") and any(not live_module.listing.settled(k.state) for k in index._files.values()):
        pass  # the file's change time has to be 20 ms old
    monkeypatch.setattr(live_module.listing, "read", lambda *_: pytest.fail("read again"))
    assert where(open_index(workspace), "f") == ["a.py:1"]


def test_large_and_odd_files_are_counted_and_harmless(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    workspace = make_workspace(
        {
            "big.py": b"x = 1\n" * 300_000,
            "binary.py": bytes(range(256)) * 100,
            "caf\u00e9 \U0001f40d.py": "def f(): ...\n",
            "run": "#!/usr/bin/env python3\ndef g(): ...\n",
            "notes.txt": "def h(): ...\n",
            "empty.py": "",
        }
    )
    (workspace.root / "run").chmod(0o755)
    os.mkfifo(workspace.root / "pipe.py")
    (workspace.root / "link.py").symlink_to("/etc/passwd")
    index = open_index(workspace)
    assert where(index, "f") == ["caf\u00e9 \U0001f40d.py:1"]
    assert (where(index, "g"), where(index, "h")) == (["run:2"], [])
    assert index.coverage.too_large == 1
    assert index.coverage.complete


def many(count: int) -> dict[str, str | bytes]:
    return {
        f"p{number % 17}/m{number}.py": f"def f{number}(): return g{number}()\n" for number in range(count)
    }


def test_while_it_is_built_a_question_is_answered_whole(
    make_workspace: MakeWorkspace, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(many(400))
    index = open_index(workspace)
    hold = threading.Event()
    build = live_module.build
    monkeypatch.setattr(live_module, "build", lambda *given: (hold.wait(60), build(*given)))
    assert where(index, "f399") == ["p8/m399.py:1"]
    anyio.run(index.ahead, "g17")
    assert [mention.use for mention in index.mentions("g17")] == ["call"]
    assert index.outline("p3/m3.py") is not None
    assert not index.coverage.complete  # read ahead: f399, m3 and what holds the letters g17
    assert index.coverage.note() == "The index is being built: 13 of 400 files are in it."
    hold.set()
    finish(index)
    assert where(index, "f0") == ["p0/m0.py:1"]


def test_workers_and_this_process_find_the_same(make_workspace: MakeWorkspace, open_index: OpenIndex) -> None:
    workspace = make_workspace(many(300))
    index = open_index(workspace)
    finish(index)
    assert sorted(index.names()) == sorted(f"f{number}" for number in range(300))
    assert threading.active_count() < 20


def test_every_file_keeps_its_own_symbols_while_many_alike_are_read(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    alike = {f"copies/c{number}.py": f"def alike{number % 5}(): ...\n" for number in range(200)}
    workspace = make_workspace({**many(300), **alike})
    index = open_index(workspace)
    for number in range(60):
        (workspace.root / "made.py").write_text(f"def made{number}(): ...\n")
        assert where(index, f"made{number}") == ["made.py:1"]
        if index.coverage.complete and number > 5:
            break
    finish(index)
    assert len(where(index, "alike3")) == 40
    assert all(
        where(index, f"f{number}") == [f"p{number % 17}/m{number}.py:1"] for number in range(0, 300, 7)
    )


def test_a_database_that_another_process_made_anew_is_followed(
    make_workspace: MakeWorkspace, open_index: OpenIndex, tmp_path: Path
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    for file in (tmp_path / "index").iterdir():
        file.unlink()
    other = Store(tmp_path / "index")
    language = language_of("x.py")
    assert language is not None
    other.add([(b"other" + b"python", extract(language, b"def wrong(): ...\n"))])
    assert where(index, "f") == ["a.py:1"]
    assert where(index, "wrong") == []
    other.close()


def test_a_dead_worker_costs_no_file(
    make_workspace: MakeWorkspace, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    index = open_index(make_workspace(many(300)))
    finish(index)
    assert len(index.names()) == 300


def test_a_damaged_database_is_made_anew(
    make_workspace: MakeWorkspace, open_index: OpenIndex, tmp_path: Path
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    index.close()
    (database,) = (tmp_path / "index").glob("symbols-*.sqlite")
    for damage in (b"not a database" * 1000, database.read_bytes()[:5000] + b"\xff" * 60_000):
        for extra in (tmp_path / "index").glob("*-*-*"):
            extra.unlink()
        database.write_bytes(damage)
        again = open_index(workspace)
        assert where(again, "f") == ["a.py:1"]
        again.close()


def test_a_database_that_is_damaged_while_in_use_is_made_anew(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    index._store._do(lambda connection: connection.execute("DROP TABLE symbol"))
    (workspace.root / "a.py").write_text("def g(): ...\n")
    assert where(index, "g") == ["a.py:1"]
    assert where(index, "f") == []


def test_where_the_cache_cannot_be_written_the_index_lives_in_memory(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    index = Index(make_workspace(many(200)), Store(tmp_path / "file" / "index"))
    finish(index)
    assert where(index, "f7") == ["p7/m7.py:1"]
    index.close()


def test_several_processes_build_and_ask_at_once(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace(many(300))
    program = (
        "import sys, anyio\nfrom kimi_tools.index import Index\nfrom kimi_tools.store.database import Store\n"
        "from pathlib import Path\nfrom kimi_tools.workspace import Workspace\n"
        "w = Workspace(sys.argv[1], state=sys.argv[2])\ni = Index(w, Store(Path(sys.argv[3])))\n"
        "c = anyio.run(i.complete, 60.0)\nprint(c.complete, len(i.names()), len(i.symbols('f5')))\ni.close()\n"
    )
    arguments = [str(workspace.root), str(tmp_path / "state"), str(tmp_path / "index")]
    running = [
        subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=100)[0] for process in running] == ["True 300 1\n"] * 3
    store = Store(tmp_path / "index")
    assert store.counts()["blob"] == 300
    store.close()


def test_a_full_store_drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    language = language_of("a.py")
    assert language is not None
    texts = [f"def f{number}(): return {'x' * 50}{number}\n".encode() * 20 for number in range(300)]
    ids = store.add([(content_key(language, text), extract(language, text)) for text in texts])
    used = list(ids.values())[-10:]
    store._do(lambda connection: connection.execute("UPDATE blob SET day = day - 1"))
    store.used(used)
    assert store.trim(limit=1 << 30) == 0
    before = store.size()
    assert store.trim(limit=before // 2) > 0
    assert store.size() < before
    store.close()


def test_an_entry_that_was_dropped_is_read_again(
    make_workspace: MakeWorkspace, open_index: OpenIndex
) -> None:
    workspace = make_workspace({"a.py": "def f(): ...\n"})
    first = open_index(workspace)
    assert where(first, "f") == ["a.py:1"]
    first._store.trim(limit=0)
    assert where(open_index(workspace), "f") == ["a.py:1"]


def test_a_busy_database_is_waited_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: None).start()
    done = threading.Thread(target=store.used, args=([1],))
    done.start()
    other.execute("COMMIT")
    done.join(20)
    assert not done.is_alive()
    other.close()
    store.close()
    with pytest.raises((Damaged, sqlite3.ProgrammingError)):
        store.counts()


def test_files_come_and_go_in_a_repository_without_git(tmp_path: Path, open_index: OpenIndex) -> None:
    root = tmp_path / "plain"
    write_files(root, {"a.py": "def f(): ...\n", ".gitignore": "b.py\n", "b.py": "def f(): ...\n"})
    workspace = Workspace(root, state=tmp_path / "state")
    index = open_index(workspace)
    assert where(index, "f") == ["a.py:1"]
    (root / ".gitignore").unlink()
    assert where(index, "f") == ["a.py:1", "b.py:1"]
    workspace.close()
