"""Environments: built once, never used half-built; and what an agent in one can reach of what it must not know."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench.environment import prepare
from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.evaluate import Bench, make_place
from kimi_mcp.swebench.instances import instance_of, secret_free
from kimi_mcp.swebench.recipe import Recipe
from kimi_tools import sandbox
from tests.kimi_mcp.swebench.histories import git, make

ROOT = Path(__file__).parents[3]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

BUILD = """
import asyncio, json, sys
from pathlib import Path
from kimi_mcp.swebench.environment import prepare
from kimi_mcp.swebench.recipe import Recipe

recipe = Recipe(sys.argv[1], tuple(json.loads(sys.argv[2])), source="path")
checkout, folder, cache = map(Path, sys.argv[3:6])
made = asyncio.run(prepare(recipe, checkout, folder, cache))
print(made.folder, flush=True)
"""


BACKEND = """
import os, time, zipfile

FILES = {
    "NAME.py": "value = 1",
    "NAME-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1\\n",
    "NAME-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "NAME-1.dist-info/RECORD": "",
}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    SETUP
    with zipfile.ZipFile(os.path.join(wheel_directory, "NAME-1-py3-none-any.whl"), "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
    return "NAME-1-py3-none-any.whl"
"""


def package(folder: Path, name: str, setup: str = "") -> str:
    """A source package that needs nothing to be built but what is here: its own build backend."""
    project = folder / name
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "1"\n'
    )
    (project / "backend.py").write_text(BACKEND.replace("NAME", name).replace("SETUP", setup or "pass"))
    return f"{name} @ {project.as_uri()}"


def build(tmp_path: Path, folder: str, requirement: str) -> "subprocess.Popen[str]":
    checkout = tmp_path / "checkout"
    checkout.mkdir(exist_ok=True)
    arguments = [
        VERSION,
        json.dumps([requirement]),
        str(checkout),
        str(tmp_path / folder),
        str(tmp_path / "cache"),
    ]
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env={**os.environ, "UV_NO_INDEX": "1"},
    )


def imports(folder: Path, name: str) -> bool:
    command = [str(folder / "bin" / "python"), "-I", "-c", f"import {name}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_two_workers_that_want_one_environment_at_once_build_it_once(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    requirement = package(tmp_path, "part", f"open({str(ledger)!r}, 'a').write('x'); time.sleep(1)")
    workers = [build(tmp_path, f"env{n}", requirement) for n in range(2)]
    said = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert ledger.read_text() == "x"
    assert all(imports(tmp_path / f"env{n}", "part") for n in range(2))
    assert len([path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]) == 1


def test_one_that_was_killed_while_it_was_built_is_never_used(tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = (
        f"open({str(begun)!r}, 'a').write('x'); "
        f"[time.sleep(0.05) for _ in range(2400) if not os.path.exists({str(go)!r})]"
    )
    requirement = package(tmp_path, "part", wait)
    worker = build(tmp_path, "env0", requirement)
    deadline = time.monotonic() + 60
    while not begun.exists():
        assert worker.poll() is None, worker.communicate()
        assert time.monotonic() < deadline
        os.sched_yield()
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    [half] = [path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]
    assert not (half / "ready").exists()
    go.touch()
    again = build(tmp_path, "env1", requirement)
    while again.poll() is None:  # an installer that outlived its worker, and writes on
        (half / "late").mkdir(parents=True, exist_ok=True)
        os.sched_yield()
    said = again.communicate()
    assert again.returncode == 0, said
    assert imports(tmp_path / "env1", "part")
    assert len(begun.read_text()) >= 2, "it was built again"


def test_what_a_worker_does_to_its_copy_reaches_no_other(tmp_path: Path) -> None:
    """A pip install in one copy replaces files; the cache's are linked, not shared to be written."""
    requirement = package(tmp_path, "part")
    for name in ("env0", "env1"):
        worker = build(tmp_path, name, requirement)
        said = worker.communicate()
        assert worker.returncode == 0, said
    [site] = (tmp_path / "env0" / "lib").glob("python*/site-packages")
    text = tmp_path / "text"
    text.write_text("value = 2")
    text.replace(site / "part.py")
    assert imports(tmp_path / "env1", "part")
    [other] = (tmp_path / "env1" / "lib").glob("python*/site-packages")
    assert (other / "part.py").read_text() == "value = 1"


def test_an_environment_that_cannot_be_built_says_why_in_a_sentence(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    recipe = Recipe(VERSION, ("there-is-no-such-package==1",), source="path")
    with pytest.raises(EnvironmentFailed, match="'there-is-no-such-package==1' failed with exit code"):
        asyncio.run(prepare(recipe, tmp_path, tmp_path / "env", tmp_path))


def test_an_environment_with_a_release_of_the_project_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    recipe = Recipe(VERSION, (package(tmp_path, "part"),), source="path")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    with pytest.raises(EnvironmentFailed, match="part-1, a release of the project itself"):
        asyncio.run(prepare(recipe, checkout, tmp_path / "env", tmp_path / "cache", "Part"))
    asyncio.run(prepare(recipe, checkout, tmp_path / "env", tmp_path / "cache", "engine"))


SECRET = "the_one_true_fix"


@pytest.fixture(scope="module")
def agents_place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """What an agent gets of an instance in the environment `none`, beside all that it must not see."""
    tmp_path = tmp_path_factory.mktemp("cheats")
    fields = make(
        tmp_path / "histories",
        "ada/engine",
        {"engine.py": "def half(n):\n    return n // 3\n"},
        {"engine.py": f"def half(n):\n    return n // 2  # {SECRET}\n"},
        {"test_engine.py": f"def test_four():  # {SECRET}\n    pass\n"},
    )
    row = {
        **fields,
        "instance_id": "ada__engine-1",
        "problem_statement": "half(4) is 1.",
        "hints_text": SECRET,
        "all_hints_text": SECRET,
        "FAIL_TO_PASS": [SECRET],
        "PASS_TO_PASS": [SECRET],
        "test_cmds": [SECRET],
        "log_parser": SECRET,
        "eval_script": SECRET,
        "before_repo_set_cmd": SECRET,
        "selected_test_files_to_run": SECRET,
        "run_script": SECRET,
        "parsing_script": SECRET,
        "environment": {"python": VERSION, "test_command": SECRET},
    }
    (tmp_path / "instances.jsonl").write_text(json.dumps(row))
    (tmp_path / "preds.jsonl").write_text(SECRET)
    other = tmp_path / "other-worker"
    other.mkdir()
    (other / "patch.diff").write_text(SECRET)
    bench = Bench([tmp_path / "histories"], tmp_path / "cache", "none")
    place = asyncio.run(make_place(bench, instance_of(secret_free(row)), tmp_path / "job" / "work"))
    return tmp_path, place


def test_the_row_that_the_agents_process_gets_holds_no_secret(agents_place: tuple[Path, Any]) -> None:
    _, place = agents_place
    assert SECRET not in json.dumps(dict(place.instance.row))


def test_the_agents_repository_is_one_commit_and_no_way_leads_to_another(
    agents_place: tuple[Path, Any],
) -> None:
    _, place = agents_place
    root: Path = place.checkout
    assert git(root, "log", "--all", "--format=%s").split("\n") == ["Base commit", ""]
    kinds = git(root, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert sorted(kinds) == ["blob", "commit", "tree"]
    assert "dangling" not in git(root, "fsck", "--unreachable", "--no-reflogs")
    assert git(root, "tag") == git(root, "remote") == git(root, "stash", "list") == git(root, "reflog") == ""
    assert [line.split()[1] for line in git(root, "show-ref").splitlines()] == ["refs/heads/main"]
    own = root / ".git"
    assert not (own / "objects" / "info" / "alternates").exists()
    assert not (own / "commondir").exists()
    assert not list(own.glob("**/ORIG_HEAD")) + list(own.glob("**/FETCH_HEAD"))
    for path in root.rglob("*"):
        assert not path.is_symlink()
        if path.is_file():
            assert path.stat().st_nlink == 1
            assert SECRET.encode() not in path.read_bytes()


CHEATS = {
    "the history it came from": "git --git-dir {tmp}/histories/ada__engine/.git log -p --all",
    "alternates": "echo {tmp}/histories/ada__engine/.git/objects > .git/objects/info/alternates; git show v2.0; "
    "git cat-file --batch-all-objects --batch; git show {fixed}",
    "the file of instances": "cat {tmp}/instances.jsonl",
    "the predictions": "cat {tmp}/preds.jsonl",
    "another worker": "cat {tmp}/other-worker/patch.diff; grep -rs the_one_true {tmp}",
    "its own job": "cat {tmp}/job/*.json {tmp}/job/work/../job.json",
    "variables": "env; cat /proc/*/environ | tr '\\0' '\\n'",
    "the driver's arguments": "cat /proc/*/cmdline | tr '\\0' ' '",
    "the driver's files": "timeout 3 cat /proc/[0-9]*/fd/[3-9]* /proc/{pid}/root/{tmp}/instances.jsonl "
    "/proc/{pid}/cwd/* 2>&1",
    "the driver's memory": "head -c 4096 /proc/{pid}/mem",
    "other temporary folders": "grep -rs the_one_true /tmp /var/tmp /dev/shm",
    "the network": "python3 -c \"import socket; print(socket.create_connection(('127.0.0.1', {port}), 3).recv(99))\"",
    "an index": "pip download --no-deps --no-binary :all: sympy 2>&1; pip config list",
}


@pytest.fixture(scope="module")
def listening() -> Any:
    """A server of this machine that tells the secret, as a package index would."""
    import socket
    import threading

    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            client.sendall(SECRET.encode())
            client.close()

    threading.Thread(target=answer, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.mark.parametrize("name", CHEATS)
def test_a_command_of_the_agent_cannot_read(
    name: str, agents_place: tuple[Path, Any], listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path, place = agents_place
    if place.box.level == "none":
        pytest.skip("no sandbox works on this machine")
    monkeypatch.setenv("KIMI_MCP_SECRET", SECRET)
    fixed = git(tmp_path / "histories" / "ada__engine", "rev-parse", "main~1").strip()
    script = CHEATS[name].format(tmp=tmp_path, fixed=fixed, pid=os.getpid(), port=listening)
    where = sandbox.Place(place.checkout, at=place.at, show_secrets=True)
    done = asyncio.run(
        sandbox.run_confined(
            place.box, ["/bin/bash", "-c", script], where, timeout=60, environment=place.variables
        )
    )
    git(place.checkout, "reset", "-q", "--hard")
    (place.checkout / ".git" / "objects" / "info" / "alternates").unlink(missing_ok=True)
    assert SECRET not in done.text
    assert "successfully downloaded" not in done.text.lower()


def test_the_commands_of_the_last_test_would_read_it_without_the_sandbox(
    agents_place: tuple[Path, Any],
) -> None:
    """So that the test above can fail."""
    tmp_path, place = agents_place
    where = sandbox.Place(place.checkout, at=place.at)
    for name in ("the file of instances", "the history it came from", "another worker"):
        script = CHEATS[name].format(tmp=tmp_path)
        argv = ["/bin/bash", "-c", script]
        done = asyncio.run(sandbox.run_confined(sandbox.UNPROTECTED, argv, where, timeout=60))
        assert SECRET in done.text, name
