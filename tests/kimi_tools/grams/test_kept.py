"""What is kept of the signatures: shared by content, bounded, and thrown away when it is damaged."""

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.grams import kept as kept_module
from kimi_tools.grams.kept import Kept
from kimi_tools.grams.signature import Kind, Shelf, read, signature
from kimi_tools.grams.tree import Tree
from kimi_tools.workspace import Workspace


def test_a_new_session_reads_nothing_that_has_not_changed(make_workspace: Any, tmp_path: Path) -> None:
    workspace: Workspace = make_workspace({f"f{n}.txt": f"needle {n}\n" for n in range(60)})
    for path in workspace.root.glob("*.txt"):
        os.utime(path, (1, 1))
    opened: list[str] = []

    class Counting(Tree):
        def _content(self, path: str, state: bytes) -> bytes | None:
            opened.append(path)
            return super()._content(path, state)

    async def session() -> list[str]:
        opened.clear()
        tree = Counting(workspace, Kept(tmp_path / "kept"))
        for _ in range(200):
            tree.renew()
            if await tree.settled():
                break
            await anyio.sleep(0.01)
        found = sorted(tree.facts.shelf.fitting([b"needle 7"]))
        tree.close()
        return found

    first = anyio.run(session)
    assert "f7.txt" in first
    assert set(opened) >= {f"f{n}.txt" for n in range(60)}
    assert anyio.run(session) == first
    assert not {path for path in opened if path.endswith(".txt")}


def test_a_damaged_database_is_thrown_away(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add([(b"key", Kind.TEXT, b"bits")])
    assert kept.contents([b"key"]) == {b"key": (Kind.TEXT, b"bits")}
    kept.close()
    database = next(tmp_path.glob("*.sqlite"))
    database.write_bytes(b"no database" * 1000)
    Kept(tmp_path).close()
    kept = Kept(tmp_path)
    assert kept.contents([b"key"]) == {}
    kept.add([(b"key", Kind.TEXT, b"bits")])
    assert kept.contents([b"key"])
    kept.close()


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "BYTES_LIMIT", 3_000)
    kept = Kept(tmp_path)
    kept.add((b"%d" % number, Kind.TEXT, bytes(1_000)) for number in range(6))
    monkeypatch.setattr(kept_module, "_today", lambda: 10**6)
    kept.tidy([b"4", b"5"])
    left = kept.contents([b"%d" % number for number in range(6)])
    assert {b"4", b"5"} >= set(left)
    assert left
    kept.close()


def test_a_place_that_cannot_be_written_keeps_nothing_and_raises_nothing() -> None:
    kept = Kept(Path("/proc/nowhere"))
    kept.add([(b"key", Kind.TEXT, b"bits")])
    kept.see("/root", [("a", b"s", b"key")])
    kept.tidy([b"key"])
    assert (kept.contents([b"key"]), kept.seen("/root")) == ({}, [])


def test_every_piece_of_a_text_is_in_its_signature() -> None:
    for size in (4, 5, 6, 7, 100, 5_000, 70_001):
        data = os.urandom(size).replace(b"\0", b"x")
        bits = signature(data)
        shelf = Shelf()
        shelf.put("a", bits)
        assert shelf.fitting([data]) == ["a"], size
    assert read(b"\xff\xfea\0")[0] is Kind.WIDE
    assert read(b"\xff\xfe\0\0")[0] is Kind.ODD
    assert read(b"a" * 70_000 + b"\0")[0] is Kind.LATE
    assert read(b"a\0")[0] is Kind.BINARY
