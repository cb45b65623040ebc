"""Patches of every kind, from the agent's snapshot through preds.jsonl to the official chain of appliers."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.swebench.evaluate import PATCH_COMMANDS, Bench, Place, evaluate, make_place
from kimi_mcp.swebench.instances import Instance, instance_of
from kimi_mcp.swebench.patches import files, touched
from kimi_mcp.swebench.predictions import read_predictions, write_predictions
from tests.kimi_mcp.swebench.histories import git, make

BASE = {
    "unix.py": "one\ntwo\nthree\n",
    "dos.py": "one\r\ntwo\r\nthree\r\n",
    "bare.py": "one\ntwo",
    "moved.py": "".join(f"line {n}\n" for n in range(30)),
    "run.sh": "echo\n",
    "tä b.py": "ä\n",
    "test_a.sh": "true\n",
}


@pytest.fixture
def common(tmp_path: Path) -> dict[str, Any]:
    return make(
        tmp_path / "histories", "ada/engine", BASE, {"unix.py": "one\n2\nthree\n"}, {"test_a.sh": "x\n"}
    )


def checked_out(tmp_path: Path, common: dict[str, Any], name: str) -> Path:
    folder = tmp_path / name
    git(tmp_path, "clone", "-q", str(tmp_path / "histories" / "ada__engine"), name)
    git(folder, "checkout", "-q", common["base_commit"])
    return folder


def state(folder: Path) -> dict[str, tuple[bytes, int, str]]:
    """Every file's bytes, whether it is executable, and where it leads if it is a link."""
    found: dict[str, tuple[bytes, int, str]] = {}
    for path in sorted(folder.rglob("*")):
        if ".git" in path.parts or path.is_dir():
            continue
        link = os.readlink(path) if path.is_symlink() else ""
        data = b"" if link else path.read_bytes()
        found[str(path.relative_to(folder))] = (data, 0 if link else path.stat().st_mode & 0o111, link)
    return found


def edit(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def binary(folder: Path) -> None:
    (folder / "image.png").write_bytes(bytes(range(256)) * 3)


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "plain": edit("unix.py", b"one\nTWO\nthree\n"),
    "CRLF": edit("dos.py", b"one\r\nTWO\r\nthree\r\n"),
    "CRLF to LF": edit("dos.py", b"one\ntwo\nthree\n"),
    "lone CR": edit("unix.py", b"one\rtwo\nthree\n"),
    "no newline at the end": edit("bare.py", b"one\nTWO"),
    "newline lost": edit("unix.py", b"one\ntwo\nthree"),
    "binary": binary,
    "rename": lambda folder: (folder / "moved.py").rename(folder / "new.py"),
    "mode": lambda folder: (folder / "run.sh").chmod(0o755),
    "link": lambda folder: (folder / "link").symlink_to("unix.py"),
    "deleted": lambda folder: (folder / "unix.py").unlink(),
    "name": edit("tä b.py", "ö\n".encode()),
    "separators": edit("unix.py", "one\u2028two\x0c\x1c\nthree\n".encode()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_survives_the_way_to_the_official_harness(
    tmp_path: Path, common: dict[str, Any], name: str
) -> None:
    utils = pytest.importorskip("swebench.harness.utils")
    here = checked_out(tmp_path, common, "here")
    snapshot = Snapshot(here, tmp_path / "store")
    before = asyncio.run(snapshot.begin())
    CHANGES[name](here)
    patch = asyncio.run(_patch(snapshot, before)).decode()
    preds = tmp_path / "preds.jsonl"
    write_predictions(preds, "kimi", [("ada__engine-1", patch)])
    [prediction] = utils.get_predictions_from_file(str(preds), "", "test")
    assert prediction["model_patch"] == patch == read_predictions(preds)["ada__engine-1"]
    assert bool(patch) == (name != "nothing")
    there = checked_out(tmp_path, common, "there")
    if patch:
        (tmp_path / "patch.diff").write_text(prediction["model_patch"])  # as the harness does
        subprocess.run(
            [*PATCH_COMMANDS[0].split(), "../patch.diff"], cwd=there, check=True, capture_output=True
        )
    assert state(there) == state(here)
    base, now = state(checked_out(tmp_path, common, "base")), state(here)
    changed = {path for path in {**base, **now} if base.get(path) != now.get(path)}
    assert touched(patch) == changed
    assert any(file.binary for file in files(patch)) == (name == "binary")


async def _patch(snapshot: Snapshot, before: str) -> bytes:
    return await snapshot.patch(before, await snapshot.tree())


def graded(tmp_path: Path, common: dict[str, Any]) -> tuple[Instance, Bench, Place]:
    """An instance whose tests look into the tree, in the environment `none`."""
    row = {
        **common,
        "instance_id": "ada__engine-1",
        "problem_statement": "It stops.",
        "test_cmds": ["grep -q two unix.py && echo FAILED t::two || echo PASSED t::two", "bash test_a.sh"],
        "log_parser": "pytest",
        "FAIL_TO_PASS": ["t::two"],
        "PASS_TO_PASS": [],
    }
    bench = Bench([tmp_path / "histories"], tmp_path / "cache", "none", test_seconds=60)
    instance = instance_of(row)
    return instance, bench, asyncio.run(make_place(bench, instance, tmp_path / "work"))


FUZZY = "--- a/unix.py\n+++ b/unix.py\n@@ -1,3 +1,3 @@\n ONE\n-two\n+2\n three\n"
REJECTED = f"{FUZZY}--- a/run.sh\n+++ b/run.sh\n@@ -1 +1 @@\n-nothing like it\n+x\n"


@pytest.mark.parametrize(
    ("patch", "resolved", "reason"),
    [
        ("", False, ""),
        ("   \n", False, ""),
        ("--- a/unix.py\n+++ b/unix.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n", True, ""),
        (FUZZY, True, ""),  # the last of the chain takes it
        (REJECTED, False, "the patch does not apply"),
        ("no patch at all", False, "the patch does not apply"),
        ("diff --git a/unix.py b/unix.py\n--- a/unix.py", False, "the patch does not apply"),
    ],
)
def test_patches_are_applied_by_the_official_chain(
    tmp_path: Path, common: dict[str, Any], patch: str, resolved: bool, reason: str
) -> None:
    _, bench, place = graded(tmp_path, common)
    verdict = asyncio.run(evaluate(bench, place, patch, tmp_path / "log" / "test_output.txt"))
    assert (verdict.resolved, verdict.reason) == (resolved, reason)
    assert git(place.checkout, "status", "--porcelain") == ""


def test_the_chain_is_swebenchs_own() -> None:
    run_evaluation = pytest.importorskip("swebench.harness.run_evaluation")
    assert list(PATCH_COMMANDS) == run_evaluation.GIT_APPLY_CMDS


def test_a_link_in_the_place_of_tests_leads_nothing_out(tmp_path: Path, common: dict[str, Any]) -> None:
    """A patch that puts a link where the test patch makes a new file: what it leads to stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "test_new.py").write_text("mine")
    new = (
        "diff --git a/tests/test_new.py b/tests/test_new.py\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/tests/test_new.py\n@@ -0,0 +1 @@\n+x\n"
    )
    row = json.loads(json.dumps(common)) | {"test_patch": new}
    _, bench, place = graded(tmp_path, row)
    link = (
        "diff --git a/tests b/tests\nnew file mode 120000\n--- /dev/null\n+++ b/tests\n@@ -0,0 +1 @@\n"
        f"+{outside}\n\\ No newline at end of file\n"
    )
    asyncio.run(evaluate(bench, place, link, tmp_path / "log" / "test_output.txt"))
    assert (outside / "test_new.py").read_text() == "mine"
