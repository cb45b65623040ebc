"""The files' state as trees, on real repositories."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_mcp.agent.snapshot import Snapshot, is_test_path
from tests.conftest import git

MakeRepository = Callable[[dict[str, str | bytes]], Path]


def test_the_patch_is_what_changed_since_the_run_began_and_applies(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({"a.py": "one\n", "b.bin": b"\0\1", "latin.txt": "caf\u00e9\n".encode("latin-1")})
    (root / "untracked.txt").write_text("was here before\n")

    async def scenario() -> bytes:
        snapshot = Snapshot(root, tmp_path / "store")
        base = await snapshot.begin()
        (root / "a.py").write_bytes(b"one\r\ntwo\n")
        (root / "b.bin").write_bytes(b"\0\2")
        (root / "latin.txt").write_bytes("th\u00e9\n".encode("latin-1"))
        (root / "new.py").write_text("new\n")
        tree = await snapshot.tree()
        assert [(t.path, t.status) for t in await snapshot.touched(base, tree)] == [
            ("a.py", "modified"),
            ("b.bin", "modified"),
            ("latin.txt", "modified"),
            ("new.py", "added"),
        ]
        return await snapshot.patch(base, tree)

    patch = anyio.run(scenario)
    assert b"untracked" not in patch
    git(root, "checkout", "-q", ".")
    (root / "new.py").unlink()
    (tmp_path / "patch.diff").write_bytes(patch)
    git(root, "apply", str(tmp_path / "patch.diff"))
    assert (root / "a.py").read_bytes() == b"one\r\ntwo\n"
    assert (root / "b.bin").read_bytes() == b"\0\2"
    assert (root / "latin.txt").read_bytes() == "th\u00e9\n".encode("latin-1")


def test_ignored_files_are_no_part_of_it_unless_they_are_tracked(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({".gitignore": "*.log\nbuilt/\n"})
    (root / "kept.log").write_text("1\n")
    git(root, "add", "-f", "kept.log")

    async def scenario() -> list[str]:
        snapshot = Snapshot(root, tmp_path / "store")
        base = await snapshot.begin()
        (root / "kept.log").write_text("2\n")
        (root / "other.log").write_text("2\n")
        (root / "built").mkdir()
        (root / "built" / "x.js").write_text("2\n")
        return [touched.path for touched in await snapshot.touched(base, await snapshot.tree())]

    assert anyio.run(scenario) == ["kept.log"]


def test_an_earlier_state_comes_back_and_ignored_files_stay(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({"a.py": "one\n", ".gitignore": "*.o\n"})

    async def scenario() -> None:
        snapshot = Snapshot(root, tmp_path / "store")
        base = await snapshot.begin()
        (root / "a.py").write_text("two\n")
        (root / "extra.py").write_text("x\n")
        (root / "a.o").write_text("object\n")
        edited = await snapshot.tree()
        await snapshot.restore(base)
        assert (root / "a.py").read_text() == "one\n"
        assert not (root / "extra.py").exists()
        assert (root / "a.o").exists()
        mixed = await snapshot.combine(base, edited, ["extra.py"])
        await snapshot.restore(mixed)
        assert ((root / "a.py").read_text(), (root / "extra.py").read_text()) == ("one\n", "x\n")

    anyio.run(scenario)


def test_nothing_of_the_repository_is_executed(make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository({"a.py": "one\n", ".gitattributes": "* filter=evil diff=evil\n"})
    canary = tmp_path / "canary"
    for key in ("filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv", "core.fsmonitor"):
        git(root, "config", key, f"touch {canary}; cat")
    nested = root / "nested"
    nested.mkdir()
    git(nested, "init", "-q")
    git(nested, "commit", "-q", "--allow-empty", "-m", "x")
    git(nested, "config", "core.fsmonitor", f"touch {canary}")

    async def scenario() -> None:
        snapshot = Snapshot(root, tmp_path / "store")
        base = await snapshot.begin()
        (root / "a.py").write_text("two\n")
        (nested / "f").write_text("two\n")
        tree = await snapshot.tree()
        await snapshot.patch(base, tree)
        await snapshot.restore(base)

    anyio.run(scenario)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("pkg/test_x.py", True),
        ("src/app.test.ts", True),
        ("pkg/x_test.go", True),
        ("src/test/java/A.java", True),
        ("spec/a_spec.rb", True),
        ("src/latest.py", False),
        ("contest/a.py", False),
        ("src/inspect.py", False),
    ],
)
def test_test_files_are_known_by_place_or_name(path: str, expected: bool) -> None:
    assert is_test_path(path) is expected
