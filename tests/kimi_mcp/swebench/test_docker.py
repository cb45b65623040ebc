"""`--env docker` and `--official` with a real engine, on a small image of our own; skipped where none answers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench import container, history
from kimi_mcp.swebench.container import Container
from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.instances import Instance, instance_of, load
from kimi_tools import sandbox
from kimi_tools.errors import Unavailable
from kimi_tools.process import Finished
from tests.kimi_api import KimiApi
from tests.kimi_mcp.swebench import images
from tests.kimi_mcp.swebench.author import Author
from tests.kimi_mcp.swebench.histories import git, make

ROOT = Path(__file__).parents[3]
ID = "sympy__sympy-0"
IMAGE = "swebench/sweb.eval.x86_64.sympy_1776_sympy-0:latest"
RUNNER = '#!/bin/bash\nfor word; do case "$word" in -*) ;; *) bash "$word";; esac; done\n'
TEST = ". ./half.sh\ntest $(half 0) = 0 && echo 'test_zero ok' || echo 'test_zero F'\n"
MORE = f"{TEST}test $(half 4) = 2 && echo 'test_four ok' || {{ echo 'test_four F'; exit 1; }}\n"


@pytest.fixture(scope="module")
def program() -> str:
    """The engine that the product would choose, where it answers."""
    try:
        name = Path(container.engine()).name
    except Unavailable as error:
        pytest.skip(str(error))
    if reason := images.trouble(name):
        pytest.skip(reason)
    return name


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory, program: str) -> Iterator[dict[str, Any]]:
    """An instance that swebench's tables know by its name: they run `bin/test` on the test patch's files."""
    folder = tmp_path_factory.mktemp("image")
    base = {
        "half.sh": "half() { echo $(($1 / 3)); }\n",
        "bin/test": RUNNER,
        "sympy/test_half.py": TEST,
    }
    fix = {"half.sh": "half() { echo $(($1 / 2)); }\n"}
    made = make(folder, "sympy/sympy", base, fix, {"sympy/test_half.py": MORE})
    repository = folder / "sympy__sympy"
    git(repository, "checkout", "-q", made["base_commit"])
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {folder}/hooked\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", f"touch {folder}/monitored")
    images.make(program, IMAGE, repository)
    tried = subprocess.run(
        [program, "run", "--rm", "--network", "none", IMAGE, "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        images.remove(program, IMAGE)
        pytest.skip(f"{program} runs no container here: {tried.stderr.strip().splitlines()[-1:]}")
    yield {
        **made,
        "instance_id": ID,
        "problem_statement": "Half of four comes out as one; see half.sh.",
        "hints_text": "",
        "created_at": "2023-01-01T00:00:00Z",
        "version": "1.12",
        "FAIL_TO_PASS": '["test_four"]',
        "PASS_TO_PASS": '["test_zero"]',
    }
    images.remove(program, IMAGE)
    assert sorted(path.name for path in folder.iterdir()) == ["sympy__sympy"], (
        "the image's git ran programs here"
    )


@pytest.fixture
def instances(tmp_path: Path, row: dict[str, Any]) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    return path


@pytest.fixture
def instance(row: dict[str, Any]) -> Instance:
    return instance_of(row)


def swebench(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kimi_mcp", "swebench", *words]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done


def in_container(box: Container, root: Path, script: str, **more: Any) -> Finished:
    where = sandbox.Place(root, at=Path(box.workdir))
    argv = ["/usr/bin/bash", "-c", script]
    return asyncio.run(sandbox.run_confined(box, argv, where, timeout=more.pop("timeout", 120), **more))


def own_containers(program: str) -> list[str]:
    listed = subprocess.run([program, "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True)
    return [name for name in listed.stdout.split() if name.startswith("kimi-mcp-")]


def test_a_batch_is_run_and_graded_in_the_instances_own_image(tmp_path: Path, instances: Path) -> None:
    out = tmp_path / "out"
    common = ("--env", "docker", "--out", str(out))
    with KimiApi(Author(load(instances))) as api:
        model = ("--host", api.url, "--model", "kimi-k2.6", "--max-steps", "40")
        ran = swebench("run", str(instances), *common, *model)
    assert ran.returncode == 0
    events = [json.loads(line) for line in (out / "run" / ID / "events.jsonl").read_text().splitlines()]
    said = [
        event["text"] for event in events if event["kind"] == "returned" and event["name"] == "run_command"
    ]
    assert "sandbox: docker" in said[0]
    shown = [
        event["text"] for event in events if event["kind"] == "returned" and event["name"] == "reproduce"
    ]
    assert ["the issue shows" in text for text in shown[:2]] == [True, False]
    prediction = json.loads((out / "preds.jsonl").read_text())
    assert "$(($1 / 2))" in prediction["model_patch"]
    assert " 100755" not in prediction["model_patch"], "the modes are the repository's, not the image's"
    graded = swebench("evaluate", str(out / "preds.jsonl"), "--instances", str(instances), *common)
    assert "1 resolved" in graded.stdout


def test_a_gold_patch_is_validated_with_the_official_script(tmp_path: Path, instances: Path) -> None:
    out = tmp_path / "out"
    done = swebench("validate", str(instances), "--env", "docker", "--out", str(out))
    assert "1 sound" in done.stdout
    log = (out / "validate" / ID / "after.log").read_text()
    assert "+ git checkout HEAD sympy/test_half.py" in log
    assert "test_four ok" in log


def test_the_official_harness_gives_the_same_verdict(
    tmp_path: Path, instances: Path, row: dict[str, Any], program: str
) -> None:
    if program != "docker":
        pytest.skip("the official harness needs Docker")
    pytest.importorskip("swebench.harness.run_evaluation")
    wrong = row["patch"].replace("/ 2", "/ 5")
    for patch, found in ((row["patch"], "1 resolved, 0 unresolved"), (wrong, "0 resolved, 1 unresolved")):
        predictions = tmp_path / "preds.jsonl"
        line = {"instance_id": ID, "model_name_or_path": "kimi", "model_patch": patch}
        predictions.write_text(json.dumps(line))
        words = ("evaluate", str(predictions), "--instances", str(instances), "--out", str(tmp_path / "out"))
        done = swebench(*words, "--official")
        assert done.returncode == 0
        assert f"Official harness: {found}" in done.stdout


def test_without_docker_official_is_refused_in_a_sentence(tmp_path: Path, instances: Path) -> None:
    pytest.importorskip("swebench.harness.run_evaluation")
    predictions = tmp_path / "preds.jsonl"
    predictions.write_text(json.dumps({"instance_id": ID, "model_patch": "x"}))
    words = (
        "evaluate",
        str(predictions),
        "--instances",
        str(instances),
        "--out",
        str(tmp_path / "out"),
        "--official",
    )
    done = swebench(*words, DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode != 0
    assert "No Docker answers here" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agents_copy_has_one_commit_and_the_graders_the_images_history(
    tmp_path: Path, instance: Instance
) -> None:
    readable = tmp_path / "scripts"
    readable.mkdir()
    box = asyncio.run(container.check_out(instance, tmp_path / "agent", readable))
    said = in_container(
        box,
        tmp_path / "agent",
        "git log --all --format=%s; git cat-file --batch-all-objects --batch-check='%(objecttype)' | grep -c commit; "
        "git tag; cat .git/objects/info/alternates; grep -r '/ 2' /testbed; ls /testbed/.git/logs",
    )
    lines = said.text.splitlines()
    assert lines[:2] == ["Base commit", "1"]
    assert "v2.0" not in said.text
    assert "half()" not in said.text
    asyncio.run(container.check_out(instance, tmp_path / "graded", readable, history=True))
    assert git(tmp_path / "graded", "tag").split() == ["v2.0"]
    assert not (tmp_path / "graded" / ".git" / "hooks").exists()
    assert asyncio.run(history.git(["status", "--porcelain"], cwd=tmp_path / "graded")).text == ""


def test_a_container_has_no_network_no_capability_and_nothing_of_this_machine(
    tmp_path: Path, instance: Instance
) -> None:
    readable = tmp_path / "scripts"
    readable.mkdir()
    (tmp_path / "secret").write_text("mine")
    box = asyncio.run(container.check_out(instance, tmp_path / "work", readable))
    said = in_container(
        box,
        tmp_path / "work",
        f"grep -v lo: /proc/net/dev | tail -n +3; grep -h -e CapEff -e NoNewPrivs /proc/self/status; "
        f"cat {tmp_path}/secret; touch {readable}/x; touch made && stat -c %U:%a half.sh; env",
        environment={"PATH": "/nowhere", "HERE": "1"},
    )
    lines = said.text.splitlines()
    assert lines[0].split() == ["CapEff:", "0" * 16]
    assert lines[1].split() == ["NoNewPrivs:", "1"]
    assert "No such file" in lines[2]
    assert "Read-only file system" in lines[3]
    assert "HERE=1" in lines
    assert "PATH=/nowhere" not in lines
    assert (tmp_path / "work" / "made").stat().st_uid == os.getuid()
    assert not [line for line in lines if "KEY" in line or "TOKEN" in line]


def test_errors_and_output_come_in_the_order_in_which_they_were_written(
    tmp_path: Path, instance: Instance
) -> None:
    (tmp_path / "work").mkdir()
    script = "for n in $(seq 200); do echo out $n; echo err $n >&2; done"
    lines = in_container(Container(IMAGE, "/testbed"), tmp_path / "work", script).text.splitlines()
    assert lines == [f"{kind} {n}" for n in range(1, 201) for kind in ("out", "err")]


def test_what_runs_out_of_time_leaves_no_container(tmp_path: Path, instance: Instance, program: str) -> None:
    box = asyncio.run(container.check_out(instance, tmp_path / "work", tmp_path))
    before = own_containers(program)
    assert in_container(box, tmp_path / "work", "echo begun; sleep 600", timeout=6).timed_out
    assert own_containers(program) == before


KILLED = """
import subprocess, sys
from pathlib import Path
from kimi_mcp.swebench.container import Container
from kimi_tools.sandbox import Place

place = Place(Path(sys.argv[2]), Path("/testbed"))
launch = Container(sys.argv[1], "/testbed").launch(["bash", "-c", "echo begun; sleep 600"], place, {})
subprocess.run(launch.argv, env=dict(launch.environment))
"""


def test_containers_of_killed_processes_are_removed_by_the_next_one(
    tmp_path: Path, instance: Instance, program: str
) -> None:
    command = [sys.executable, "-c", KILLED, IMAGE, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    mine = [name for name in own_containers(program) if f"-{process.pid}-" in name]
    assert len(mine) == 1
    asyncio.run(container.sweep())
    assert mine[0] in own_containers(program), "its process lives"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    asyncio.run(container.sweep())
    assert mine[0] not in own_containers(program)


def test_an_image_that_is_nowhere_is_refused_in_a_sentence(tmp_path: Path, row: dict[str, Any]) -> None:
    missing = instance_of({**row, "image": "localhost:1/nobody/has-this:1"})
    with pytest.raises(
        EnvironmentFailed, match=f"{ID}: 'pull localhost:1/nobody/has-this:1' failed"
    ) as caught:
        asyncio.run(container.check_out(missing, tmp_path / "work", tmp_path))
    assert "\n" not in str(caught.value)
