"""Files that are no instances: one clear sentence each, and nothing else happens."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench import source
from kimi_mcp.swebench.batch import fingerprint
from kimi_mcp.swebench.errors import BadInstances
from kimi_mcp.swebench.instances import load

ROOT = Path(__file__).parents[3]
ROW: dict[str, Any] = {
    "instance_id": "ada__engine-1",
    "repo": "ada/engine",
    "version": "1.0",
    "base_commit": "a" * 40,
    "problem_statement": "It stops.",
    "patch": "gold",
    "test_patch": "tests",
    "FAIL_TO_PASS": ["t::a"],
    "PASS_TO_PASS": [],
}
LINE = json.dumps(ROW)


def changed(**fields: Any) -> bytes:
    return json.dumps({**ROW, **fields}).encode()


BAD = {
    "empty": (b"", "is empty"),
    "no rows": (b"[]", "holds no instances"),
    "blank table": (b"{}", "holds no instances"),
    "cut JSONL": (f"{LINE}\n{LINE.replace('-1', '-2')}\n{LINE[:60]}".encode(), r"line 3, .*was it cut\?"),
    "cut JSON": (f"[{LINE},{LINE[:60]}".encode(), "is not JSON or JSONL: line 1"),
    "a number": (b"3", "neither a list"),
    "rows of text": (b'["a", "b"]', "Row 1 of .* is a str"),
    "lines of numbers": (f"{LINE}\n7\n".encode(), "Row 2 of .* is a int"),
    "table of text": (b'{"ada__engine-1": "x"}', "Instance number 1 lacks instance_id, repo"),
    "Latin-1": (changed().replace(b"It stops.", "Größe".encode("latin-1")), "is not UTF-8"),
    "UTF-16": (LINE.encode("utf-16"), "is not UTF-8"),
    "gzip": (gzip.compress(LINE.encode()), "is compressed; unpack it"),
    "zip": (b"PK\x03\x04....", "is compressed; unpack it"),
    "parquet cut": (b"PAR1....", "is not a whole parquet file"),
    "nested": (b"[" * 100_000, "nested too deeply|not JSON"),
    "comma separated": (b"instance_id,repo\na,b\n", "is not JSON or JSONL"),
    "no id": (changed(instance_id=None), "Instance number 1 lacks instance_id"),
    "no commit": (changed(base_commit=""), "ada__engine-1 lacks base_commit"),
    "another benchmark": (
        json.dumps({"org": "ada", "repo": "engine", "number": 1, "fix_patch": "x"}).encode(),
        "Multi-SWE-bench",
    ),
    "id with slash": (
        changed(instance_id="ada/engine-1"),
        "its instance_id 'ada/engine-1' is not a plain name",
    ),
    "id that climbs": (changed(instance_id=".."), "is not a plain name"),
    "id as option": (changed(instance_id="--help"), "is not a plain name"),
    "id with newline": (changed(instance_id="a\nb"), "is not a plain name"),
    "endless id": (changed(instance_id="a" * 300), "is not a plain name"),
    "commit as option": (changed(base_commit="--output=/tmp/x"), "is not a commit id"),
    "repo that climbs": (changed(repo="../etc"), "is not owner/name"),
    "repo without owner": (changed(repo="engine"), "is not owner/name"),
    "tests as number": (changed(FAIL_TO_PASS=5), "FAIL_TO_PASS is not a list of names"),
    "tests as word": (changed(FAIL_TO_PASS='"t::a"'), "FAIL_TO_PASS is not a list of names"),
    "tests as table": (changed(PASS_TO_PASS={"a": 1}), "PASS_TO_PASS is not a list of names"),
    "tests of numbers": (changed(FAIL_TO_PASS="[1, 2]"), "FAIL_TO_PASS is not a list of names"),
    "tests as code": (changed(FAIL_TO_PASS="__import__('os')"), "FAIL_TO_PASS is not a list of names"),
    "exclusions": (changed(PASS_TO_PASS_excluded=["t"]), "PASS_TO_PASS_excluded is not a table"),
    "twice": (f"{LINE}\n{LINE}\n".encode(), "holds the instance ada__engine-1 twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    data, said = BAD[name]
    (tmp_path / "rows.jsonl").write_bytes(data)
    with pytest.raises(BadInstances, match=said) as caught:
        load(tmp_path / "rows.jsonl")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("task.yaml", "a: [", "task folder .* cannot be read"),
        ("task.yaml", "- a\n", "not a table"),
        ("tests.json", "{", "task folder .* cannot be read"),
    ],
)
def test_a_bad_task_folder_is_refused_in_one_sentence(
    tmp_path: Path, file: str, text: str, said: str
) -> None:
    (tmp_path / "task.yaml").write_text("repo: ada/engine\n")
    task = tmp_path / "tasks" / "ada__engine-1"
    task.mkdir(parents=True)
    (task / "task.yaml").write_text("repo: ada/engine\n")
    (task / file).write_text(text)
    with pytest.raises(BadInstances, match=said):
        load(tmp_path)


def test_what_editors_and_other_programs_leave_is_read(tmp_path: Path) -> None:
    other = json.dumps(
        {**ROW, "instance_id": "ada__engine-2", "problem_statement": "a\u2028b\x85c"}, ensure_ascii=False
    )
    (tmp_path / "rows.jsonl").write_bytes(f"\ufeff{LINE}\r\n{other}\r\n\r\n".encode())
    assert [one.problem for one in load(tmp_path / "rows.jsonl")] == ["It stops.", "a\u2028b\x85c"]


def test_a_pipe_is_read_once_and_known_by_what_it_held(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "rows.jsonl"
    os.mkfifo(pipe)
    file.write_text(f"{LINE}\n" + f"{LINE.replace('-1', '-2')}\n" + " " * 200_000)
    with subprocess.Popen(["sh", "-c", f"cat '{file}' > '{pipe}'"]):
        assert [one.id for one in load(pipe)] == ["ada__engine-1", "ada__engine-2"]
    assert fingerprint(pipe) == fingerprint(file)


def test_a_pipe_without_a_writer_and_a_device_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "QUIET_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInstances, match="is a pipe to which nobody wrote"):
        load(tmp_path / "pipe")
    with pytest.raises(BadInstances, match="is a device"):
        load(Path("/dev/zero"))


def test_twenty_thousand_rows_of_parquet_are_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    rows = [{**ROW, "instance_id": f"ada__engine-{n}"} for n in range(20_000)]
    table = pyarrow.Table.from_pylist(rows)
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "rows.parquet")
    assert [one.id for one in load(tmp_path / "rows.parquet", ["ada__engine-19999"])] == ["ada__engine-19999"]


def test_nulls_and_numbers_are_not_taken_for_text(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_bytes(changed(version=None, test_patch=None, hints_text=None))
    [instance] = load(tmp_path / "rows.json")
    assert (instance.version, instance.test_patch) == ("", "")
    (tmp_path / "rows.json").write_bytes(changed(version=3.2))
    assert load(tmp_path / "rows.json")[0].version == "3.2"


def test_a_huge_row_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(changed(problem_statement="x" * 20_000_000))
    assert len(load(tmp_path / "rows.jsonl")[0].problem) == 20_000_000


def test_the_command_says_one_sentence_and_ends_with_2_or_1(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(LINE[:50])
    command = [sys.executable, "-m", "kimi_mcp", "swebench", "validate", str(tmp_path / "rows.jsonl")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert "is not JSON or JSONL" in done.stderr
    assert not (tmp_path / "out").exists()
