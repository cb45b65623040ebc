"""Which Python a project's tests run with: the project's own environment before anything else."""

import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import ToolError, Unavailable
from kimi_tools.process import program
from kimi_tools.testrun.suite import EVENTS, Job
from kimi_tools.testrun.tree import join, parent

PROBE = """\
import importlib.util, json, sys
names = sys.argv[1:]
found = [name for name in names if importlib.util.find_spec(name)]
print(json.dumps({"version": list(sys.version_info[:2]), "found": found}))
"""
PROBE_SECONDS = 30.0
ON_PATH = " on PATH"
FOLDERS = (".venv", "venv", "env", ".env", ".virtualenv")


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter: how to start it, where it was found, its version and the modules that it has."""

    argv: tuple[str, ...]
    origin: str
    version: tuple[int, int] = (0, 0)
    modules: frozenset[str] = frozenset()


async def python_for(job: Job, *modules: str) -> Python:
    """The first environment of the project that has all of the modules.

    The order: a virtual environment in the suite's folder or above it, the activated one, uv, poetry,
    pipenv, pdm and conda by their own records, tox and nox; `python3` on PATH where there is none.
    Raises `Unavailable` with what was looked at and what to install.
    """
    tried: list[Python] = []
    async for candidate in _candidates(job):
        if tried and candidate.origin.endswith(ON_PATH):
            break  # the project has its own environment, which only lacks something
        found = await _probe(job, candidate, modules)
        if found is None:
            continue
        if set(modules) <= found.modules:
            return found
        tried.append(found)
    raise Unavailable(_missing(job, tried, modules))


def python_environment(job: Job) -> dict[str, str]:
    """What a Python run needs: our reporter on the path, and nothing new for git to see in the repository.

    Byte code is written where Python puts it when the project tells git to ignore it, otherwise not at all.
    """
    ignored = any(
        re.search(r"__pycache__|\.py\[|\.pyc", job.workspace.read(name).text)
        for name in dict.fromkeys((".gitignore", join(job.suite.folder, ".gitignore")))
        if job.workspace.exists(name)
    )
    return {
        "PYTHONPATH": str(job.scratch),
        "KIMI_MCP_EVENTS": str(job.scratch / EVENTS),
        "PYTHONDONTWRITEBYTECODE": "" if ignored else "1",
        "COVERAGE_FILE": str(job.scratch / ".coverage"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(job.scratch / "hypothesis"),
        "PYTHONUNBUFFERED": "1",
    }


def _missing(job: Job, tried: list[Python], modules: tuple[str, ...]) -> str:
    folder = job.suite.folder
    if not tried:
        return (
            "No Python interpreter was found for this project; create its environment "
            f"(for example `python3 -m venv {join(folder, '.venv')}`) or name one with command=."
        )
    first = tried[0]
    lacking = " and ".join(name for name in modules if name not in first.modules)
    names = {join(folder, name) for name in ("uv.lock", "poetry.lock", "Pipfile", "pdm.lock")}
    lock = next((name for name in sorted(names) if job.workspace.exists(name)), "").rpartition("/")[2]
    install = {
        "uv.lock": "uv sync",
        "poetry.lock": "poetry install",
        "Pipfile": "pipenv install --dev",
        "pdm.lock": "pdm install",
    }.get(lock, f"{first.argv[0]} -m pip install {lacking.replace(' and ', ' ')}")
    be = "are" if " and " in lacking else "is"
    return (
        f"{lacking} {be} not installed in the project's Python ({first.argv[0]}, {first.origin}); "
        f"run `{install}` in {folder} first, or name the right command with command=."
    )


async def _probe(job: Job, candidate: Python, modules: tuple[str, ...]) -> Python | None:
    try:
        done = await job.workspace.run(
            [*candidate.argv, "-c", PROBE, *modules],
            cwd=job.suite.folder,
            timeout=PROBE_SECONDS,
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        said = json.loads(done.text.strip().rpartition("\n")[2])
        version = (int(said["version"][0]), int(said["version"][1]))
        return Python(candidate.argv, candidate.origin, version, frozenset(map(str, said["found"])))
    except (ToolError, ValueError, KeyError, IndexError, TypeError):
        return None


async def _candidates(job: Job) -> AsyncIterator[Python]:
    seen: set[str] = set()
    for found in _on_disk(job):
        if found.argv[0] not in seen:
            seen.add(found.argv[0])
            yield found
    async for found in _by_tools(job):
        if found.argv[0] not in seen:
            seen.add(found.argv[0])
            yield found
    for name in ("python3", "python"):
        path = _on_path(name, job.workspace.root)
        if path and path not in seen:
            seen.add(path)
            yield Python((path,), f"{name}{ON_PATH}")


def _on_disk(job: Job) -> list[Python]:
    root, at = job.workspace.root, job.workspace.at
    found: list[Python] = []
    folder = job.suite.folder
    while True:
        names = [join(folder, name) for name in FOLDERS]
        names += [
            join(join(folder, kind), name)
            for kind in (".tox", ".nox")
            for name in _environments(root / folder / kind)
        ]
        for name in names[: len(FOLDERS)]:
            found += _environment(root / name, f"the environment {name}", at / name)
        if folder == job.suite.folder:
            found += _activated(root)
        late: list[Python] = []
        for name in names[len(FOLDERS) :]:
            late += _environment(root / name, f"the environment {name}", at / name)
        if folder == ".":
            return found + late
        found += late
        folder = parent(folder)


def _environments(folder: Path) -> list[str]:
    """The environments that tox or nox made, the ones named for tests or a Python version first."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return sorted(names, key=lambda name: not (name.startswith("py") or "test" in name))


def _environment(folder: Path, origin: str, seen_at: Path | None = None) -> list[Python]:
    path = folder / "bin" / "python"
    if not (path.is_file() and os.access(path, os.X_OK)):
        return []
    return [Python((str((seen_at or folder) / "bin" / "python"),), origin)]


def _activated(root: Path) -> list[Python]:
    """The environment that was active where we were started, unless it is our own and not the project's."""
    found: list[Python] = []
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = os.environ.get(variable)
        if value and (Path(value) != Path(sys.prefix) or Path(value).is_relative_to(root)):
            found += _environment(Path(value), f"{variable}")
    return found


async def _by_tools(job: Job) -> AsyncIterator[Python]:
    """Environments kept outside the project, as the project's package manager knows them."""
    folder = job.suite.folder
    workspace = job.workspace

    def text(name: str) -> str:
        try:
            return workspace.read(join(folder, name)).text
        except ToolError:
            return ""

    if recorded := text(".pdm-python").strip():
        yield Python((recorded,), ".pdm-python")
    asks: list[tuple[str, tuple[str, ...]]] = []
    if workspace.exists(join(folder, "poetry.lock")) or "[tool.poetry]" in text("pyproject.toml"):
        asks.append(("poetry", ("poetry", "env", "info", "--executable")))
    if workspace.exists(join(folder, "Pipfile")):
        asks.append(("pipenv", ("pipenv", "--py")))
    if workspace.exists(join(folder, "uv.lock")):
        asks.append(("uv", ("uv", "python", "find", "--offline")))
    if "[tool.hatch" in text("pyproject.toml"):
        asks.append(("hatch", ("hatch", "env", "find")))
    for tool, argv in asks:
        if (answer := await _ask(job, argv)) is not None:
            path = answer if tool != "hatch" else f"{answer}/bin/python"
            yield Python((path,), f"{tool}'s environment")
    if name := _conda_name(text("environment.yml") or text("environment.yaml")):
        for base in ("miniconda3", "anaconda3", "miniforge3", "mambaforge", ".conda", "micromamba"):
            for found in _environment(Path.home() / base / "envs" / name, f"the conda environment {name}"):
                yield found


async def _ask(job: Job, argv: tuple[str, ...]) -> str | None:
    try:
        path = program(argv[0])
        done = await job.workspace.run([path, *argv[1:]], cwd=job.suite.folder, timeout=PROBE_SECONDS)
    except ToolError:
        return None
    lines = [line.strip() for line in done.text.splitlines() if line.strip().startswith("/")]
    return lines[-1] if done.exit_code == 0 and lines else None


def _conda_name(text: str) -> str:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "name" and not line.startswith((" ", "\t")):
            return value.strip().strip("'\"")
    return ""


def _on_path(name: str, root: Path) -> str | None:
    """A Python on PATH, skipping the environment that we ourselves run in unless it is the project's."""
    own = Path(sys.prefix) / "bin"
    skip = sys.prefix != sys.base_prefix and not own.is_relative_to(root)
    folders = [
        entry
        for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if Path(entry).is_absolute() and not (skip and Path(entry) == own)
    ]
    return shutil.which(name, path=os.pathsep.join(folders))
