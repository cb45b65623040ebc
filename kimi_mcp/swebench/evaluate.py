"""Grading a patch on this machine: check out, build, apply, run the graded tests, read the log."""

import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kimi_mcp.swebench import container, official
from kimi_mcp.swebench.environment import prepare
from kimi_mcp.swebench.grading import Verdict, grade
from kimi_mcp.swebench.history import check_out, find_histories, git
from kimi_mcp.swebench.instances import Instance
from kimi_mcp.swebench.recipe import Recipe, recipe_of
from kimi_tools import sandbox
from kimi_tools.process import run

PATCH_COMMANDS = (
    "git apply --verbose",
    "git apply --verbose --reject",
    "patch --batch --fuzz=5 -p1 -i",
)
"""The official harness's chain (swebench 4.1 `run_evaluation.GIT_APPLY_CMDS`), in its order."""


EnvironmentKind = Literal["venv", "docker", "none"]


@dataclass(frozen=True, slots=True)
class Place:
    """One instance, checked out and built: where it stands and how its tests run.

    `script` runs the graded tests; `marked` says that it prints the harness's own start and end lines.
    """

    instance: Instance
    checkout: Path
    box: sandbox.Sandbox
    variables: Mapping[str, str]
    script: str
    log_parser: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """What every instance of a batch shares.

    `histories`: folders to look for git histories in. `cache`: where environments are kept. `sandboxed`:
    whether tests are confined (`venv` and `none`; a container always is). `test_seconds`: of one test run.
    """

    histories: Sequence[Path]
    cache: Path
    kind: EnvironmentKind = "venv"
    sandboxed: bool = True
    test_seconds: float = 1800


async def make_place(bench: Bench, instance: Instance, folder: Path) -> Place:
    """Check out and build an instance below `folder`. Raises `NoHistory`, `EnvironmentFailed`."""
    checkout = folder / "checkout"
    if bench.kind == "docker":
        return await _in_container(instance, checkout)
    recipe = recipe_of(instance)
    await check_out(instance, find_histories(bench.histories, instance.repo), checkout)
    script, parser = _with_services(recipe), recipe.log_parser
    box = sandbox.Best(off=not bench.sandboxed, readable=[folder])
    if bench.kind == "none":
        return Place(instance, checkout, box, dict(recipe.variables), script, parser)
    environment = await prepare(recipe, checkout, folder / "environment", bench.cache)
    return Place(instance, checkout, box, environment.variables, script, parser)


async def _in_container(instance: Instance, checkout: Path) -> Place:
    box = await container.check_out(instance, checkout)
    if script := instance.row.get("eval_script"):
        parser = str(instance.row.get("log_parser", ""))
        return Place(instance, checkout, box, {}, str(script), parser, marked=True)
    recipe = recipe_of(instance)
    return Place(instance, checkout, box, dict(recipe.variables), recipe.test_command, recipe.log_parser)


async def evaluate(bench: Bench, place: Place, patch: str, log_path: Path) -> Verdict:
    """Apply a patch to a place at its base commit, run the graded tests, and grade.

    The log has the official harness's form, so that it can be graded again by either. The checkout is at its
    base commit again afterwards.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    await reset(place.checkout)
    if patch.strip() and not await _apply(place.checkout, patch, log_path):
        return grade(place.instance, log_path.read_text("utf-8", "replace"), lambda _: {})
    await _put_tests(place)
    await _run_tests(bench, place, log_path)
    await reset(place.checkout)
    parser = official.parser(place.log_parser, place.instance.repo)
    return grade(place.instance, log_path.read_text("utf-8", "replace"), parser)


async def reset(checkout: Path) -> None:
    """Back to the base commit; what is ignored (build products, egg-info) stays."""
    await git(["reset", "-q", "--hard"], cwd=checkout)
    await git(["clean", "-fdq"], cwd=checkout)


async def _apply(checkout: Path, patch: str, log_path: Path) -> bool:
    file = log_path.with_name("patch.diff")
    file.write_text(patch, "utf-8", newline="")
    said = ""
    for command in PATCH_COMMANDS:
        done = await run([*shlex.split(command), str(file)], cwd=checkout, timeout=120, merge_stderr=True)
        said = done.text
        if done.exit_code == 0:
            return True
    log_path.write_text(f"{official.APPLY_PATCH_FAIL}:\n{said}", "utf-8")
    return False


async def _put_tests(place: Place) -> None:
    """The graded tests as the data set has them, whatever the patch did to these files."""
    files = re.findall(r"^diff --git a/.* b/(.*)$", place.instance.test_patch, re.MULTILINE)
    for name in files:
        restored = await git(["checkout", "-q", "HEAD", "--", name], cwd=place.checkout)
        if restored.exit_code != 0:  # new in the test patch
            (place.checkout / name).unlink(missing_ok=True)
    if place.instance.test_patch.strip():
        await git(
            ["apply", "--whitespace=nowarn", "-"],
            cwd=place.checkout,
            stdin=place.instance.test_patch.encode(),
        )


async def _run_tests(bench: Bench, place: Place, log_path: Path) -> None:
    where = sandbox.Place(place.checkout, at=place.checkout, show_secrets=True)  # public by its nature
    started = time.monotonic()
    with log_path.open("wb") as log:

        def keep(piece: bytes) -> None:
            log.write(piece)

        if not place.marked:
            log.write(f"+ {place.script}\n{official.START_TEST_OUTPUT}\n".encode())
        log.flush()
        done = await sandbox.run_confined(
            place.box,
            ["/bin/bash", "-c", place.script],
            where,
            timeout=bench.test_seconds,
            environment=place.variables,
            on_output=keep,
        )
        if not place.marked:
            log.write(f"\n{official.END_TEST_OUTPUT}\n".encode())
        if done.timed_out:
            log.write(f"{official.TESTS_TIMEOUT} after {time.monotonic() - started:.0f} s\n".encode())


def _with_services(recipe: Recipe) -> str:
    """The test command with the services that it wants beside it, inside the same sandbox."""
    if "httpbin" not in recipe.services:
        return recipe.test_command
    return (
        "python -m httpbin.core --port 8642 >/dev/null 2>&1 & service=$!; "
        "for try in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/8642) 2>/dev/null && break; sleep 0.1; done; "
        "export HTTPBIN_URL=http://127.0.0.1:8642/; "
        f"{recipe.test_command}; code=$?; kill $service; exit $code"
    )
