"""Grading a patch on this machine: check out, build, apply, run the graded tests, read the log."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Literal

from kimi_mcp.swebench import container, grading, official
from kimi_mcp.swebench.environment import prepare
from kimi_mcp.swebench.graded import GradedTests, graded_tests
from kimi_mcp.swebench.grading import Verdict
from kimi_mcp.swebench.history import check_out, find_histories, git
from kimi_mcp.swebench.instances import Instance
from kimi_mcp.swebench.log_reading import parsed
from kimi_mcp.swebench.patches import files
from kimi_mcp.swebench.recipe import recipe_of
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
    """One instance, checked out and built: where it stands and what its commands run in.

    `at`: the path at which commands see the checkout. `scripts`: a folder that they can read, not write.
    """

    instance: Instance
    checkout: Path
    scripts: Path
    box: sandbox.Sandbox
    at: Path
    variables: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())


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


async def make_place(bench: Bench, instance: Instance, folder: Path, *, graded: bool = False) -> Place:
    """Check out and build an instance below `folder`, for an agent or to be `graded`.

    Raises `NoHistory`, `EnvironmentFailed`.
    """
    checkout, scripts = folder / "checkout", folder / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    if bench.kind == "docker":
        box = await container.check_out(instance, checkout, scripts, history=graded)
        return Place(instance, checkout, scripts, box, Path(box.workdir))
    recipe = None if bench.kind == "none" else recipe_of(instance)
    await check_out(instance, find_histories(bench.histories, instance.repo), checkout)
    box = sandbox.Best(off=not bench.sandboxed, readable=[folder])
    if recipe is None:
        return Place(instance, checkout, scripts, box, checkout)
    project = instance.repo.partition("/")[2]
    environment = await prepare(recipe, checkout, folder / "environment", bench.cache, project)
    return Place(instance, checkout, scripts, box, checkout, environment.variables)


async def evaluate(bench: Bench, place: Place, patch: str, log_path: Path) -> Verdict:
    """Apply a patch to a place at its base commit, run the graded tests, and grade.

    The log has the official harness's form, so that it can be graded again by either. The checkout is at its
    base commit again afterwards.
    """
    tests = graded_tests(place.instance, bench.kind)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    await reset(place.checkout)
    if patch.strip() and not await _apply(place.checkout, patch, log_path):
        await reset(place.checkout)
        return grading.unreadable(log_path.read_text("utf-8", "replace"))
    await _put_tests(place, tests)
    await _run_tests(bench, place, tests, log_path)
    await reset(place.checkout)
    return await _read(place.instance, tests, log_path.read_text("utf-8", "replace"))


async def _read(instance: Instance, tests: GradedTests, log: str) -> Verdict:
    between = grading.output(log)
    if between is None:
        return grading.unreadable(log)
    found = await parsed(tests.parser, instance, between) or await parsed(tests.parser, instance, log)
    if reason := grading.doubt(log, found, tests.rule):
        return grading.unreadable(log, reason)
    return grading.verdict(instance, found, tests.rule)


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


async def _put_tests(place: Place, tests: GradedTests) -> None:
    """The graded tests as the data set has them, whatever the patch did to these files.

    A script that brings them along itself finds the files as they were before the patch.
    """
    for file in files(place.instance.test_patch):
        for name in file.paths:
            _free(place.checkout, name)
            restored = await git(["checkout", "-q", "HEAD", "--", name], cwd=place.checkout)
            if restored.exit_code != 0:  # new in the test patch
                (place.checkout / name).unlink(missing_ok=True)
    if place.instance.test_patch.strip() and not tests.whole:
        await git(
            ["apply", "--whitespace=nowarn", "-"],
            cwd=place.checkout,
            stdin=place.instance.test_patch.encode(),
        )


def _free(checkout: Path, name: str) -> None:
    """Take away what a patch may have put on the way to a test file: a link that leads elsewhere, a file."""
    at = checkout
    for part in Path(name).parts[:-1]:
        at /= part
        if at.is_symlink() or at.is_file():
            at.unlink()
            return


async def _run_tests(bench: Bench, place: Place, tests: GradedTests, log_path: Path) -> None:
    for name, text in {**tests.files, "eval.sh": tests.script}.items():
        (place.scripts / name).write_text(text, "utf-8", newline="")
    where = sandbox.Place(place.checkout, at=place.at, show_secrets=True)  # public by its nature
    started = time.monotonic()
    with log_path.open("wb") as log:
        if not tests.marked:
            log.write(f"+ {tests.script.rstrip()}\n{official.START_TEST_OUTPUT}\n".encode())
        log.flush()
        done = await sandbox.run_confined(
            place.box,
            ["/bin/bash", str(place.scripts / "eval.sh")],
            where,
            timeout=bench.test_seconds,
            environment={**tests.variables, **place.variables, "HERE": str(place.scripts)},
            on_output=lambda piece: _keep(log, piece),
        )
        if not tests.marked:
            log.write(f"\n{official.END_TEST_OUTPUT}\n{official.EXIT_CODE} {done.exit_code}\n".encode())
        if done.timed_out:
            log.write(f"{official.TESTS_TIMEOUT} after {time.monotonic() - started:.0f} s\n".encode())


def _keep(log: BufferedWriter, piece: bytes) -> None:
    log.write(piece)
