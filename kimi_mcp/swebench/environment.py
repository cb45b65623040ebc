"""A Python environment per recipe, cached by its content, and a cheap copy of it per instance.

The packages of a recipe are installed once, into a relocatable environment below the cache, named by the hash
of the recipe. An instance gets a hard-link copy (0.1 to 0.5 s) into which its checkout is put: as an editable
install, or as a line in a `.pth` file. A newer release of the target itself is never in it.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.recipe import Recipe
from kimi_tools.process import Finished, allowed_environment, program, run

BUILD_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Environment:
    """What tests run with: the environment's folder, and the variables that make it the active one."""

    folder: Path
    variables: Mapping[str, str]


def active_variables(folder: Path, recipe: Recipe) -> dict[str, str]:
    """The variables under which `python`, `pytest` … are those of the environment."""
    path = allowed_environment().get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {
        **dict(recipe.variables),
        "PATH": f"{folder / 'bin'}:{path}",
        "VIRTUAL_ENV": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }


async def prepare(recipe: Recipe, checkout: Path, folder: Path, cache: Path, target: str = "") -> Environment:
    """The environment of one instance, at `folder`, with its checkout on the path.

    `target`: the project's name; a release of it that the packages brought along would hide the checkout, or show
    the fix. Raises `EnvironmentFailed` with the end of what the installer said, or with that release.
    """
    base = await _base(recipe, checkout, cache)
    if folder.exists():
        shutil.rmtree(folder)
    copied = await run([program("cp"), "-al", str(base), str(folder)], cwd=cache, timeout=300)
    if copied.exit_code != 0:  # another file system: no hard links
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder, symlinks=True)
    variables = active_variables(folder, recipe)
    for step in recipe.pre_install:
        await _must(["/bin/bash", "-c", step], checkout, variables, step)
    if recipe.source == "path":
        site = _site_packages(folder)
        if release := _release(site, target):
            raise EnvironmentFailed(
                f"The packages bring {release}, a release of the project itself; take it out."
            )
        site.joinpath("_checkout.pth").write_text(f"{checkout}\n")
    elif recipe.install and not recipe.source_options:
        for step in recipe.install:
            await _must(["/bin/bash", "-c", _with_uv(step)], checkout, variables, step)
    else:
        await _pip(folder, recipe, [*recipe.source_options, "-e", str(checkout)], checkout)
    return Environment(folder, variables)


async def _base(recipe: Recipe, checkout: Path, cache: Path) -> Path:
    """The cached environment with the recipe's packages; built once, by whoever comes first."""
    files = [(name, (checkout / name).read_text("utf-8", "replace")) for name in _existing(recipe, checkout)]
    key = hashlib.sha256(
        json.dumps(
            [recipe.python, recipe.packages, recipe.not_newer_than, files, sys.platform], sort_keys=True
        ).encode()
    ).hexdigest()[:20]
    base = cache / "environments" / key
    base.parent.mkdir(parents=True, exist_ok=True)
    with _lock(base.parent / f"{key}.lock"):
        if (base / "ready").is_file():
            return base
        # An installer can outlive a killed worker and write on: what it has is left to it, and never built in again.
        for left in base.parent.glob(f"{key}*/"):
            shutil.rmtree(left, ignore_errors=True)
        new = base.parent / f"{key}.{uuid.uuid4().hex}"
        await _must(
            [uv(), "venv", "-q", "--relocatable", "--python", find_python(recipe.python), str(new)],
            cache,
            {},
            f"Python {recipe.python}",
        )
        if recipe.packages:
            await _pip(new, recipe, list(recipe.packages), checkout)
        for name, _ in files:
            await _pip(new, recipe, ["-r", name], checkout)
        (new / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
        (new / "ready").touch()
        new.rename(base)
    return base


def _existing(recipe: Recipe, checkout: Path) -> list[str]:
    return [name for name in recipe.requirement_files if (checkout / name).is_file()][:1]


def find_python(version: str) -> str:
    """An interpreter of that version (such as "3.9"): on PATH, of pyenv or of uv; else the version, for uv.

    pyenv's shims on PATH answer for versions that are not chosen, so each candidate is asked what it is.
    """
    homes = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    homes.append(Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "uv/python")
    candidates = [found] if (found := shutil.which(f"python{version}")) else []
    for home in homes:
        candidates += [str(path) for path in sorted(home.glob(f"*{version}.*/bin/python{version}"))]
    for candidate in candidates:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return candidate
    return version


def uv() -> str:
    """The uv program: beside our own interpreter, else on PATH. Raises `Unavailable`."""
    own = Path(sys.executable).parent / "uv"
    return str(own) if own.is_file() else program("uv")


def _with_uv(step: str) -> str:
    return step.replace("python -m pip install", f"{uv()} pip install").replace(
        "pip install", f"{uv()} pip install" if "uv pip" not in step else "pip install"
    )


async def _pip(folder: Path, recipe: Recipe, arguments: Sequence[str], cwd: Path) -> Finished:
    limit = ["--exclude-newer", recipe.not_newer_than] if recipe.not_newer_than else []
    command = [uv(), "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *limit, *arguments]
    return await _must(command, cwd, active_variables(folder, recipe), " ".join(arguments[:3]))


async def _must(command: Sequence[str], cwd: Path, variables: Mapping[str, str], what: str) -> Finished:
    done = await run(
        command,
        cwd=cwd,
        timeout=BUILD_SECONDS,
        environment={**allowed_environment(), **_installer_variables(), **variables},
        merge_stderr=True,
    )
    if done.exit_code != 0:
        raise EnvironmentFailed(
            f"'{what}' failed with exit code {done.exit_code}: {done.text.strip()[-600:]}"
        )
    return done


def _installer_variables() -> dict[str, str]:
    """The user's own settings for pip and uv: installers need them, tests never do."""
    names = ("PIP_", "UV_", "SSL_CERT_", "XDG_CACHE_HOME")
    return {name: value for name, value in os.environ.items() if name.startswith(names)}


def _release(site: Path, project: str) -> str:
    """The installed release of a project, such as `django-4.2`; empty where there is none."""
    for found in site.glob("*.dist-info"):
        name, _, version = found.name.removesuffix(".dist-info").partition("-")
        if project and re.sub(r"[-_.]+", "-", name).lower() == re.sub(r"[-_.]+", "-", project).lower():
            return f"{name}-{version}"
    return ""


def _site_packages(folder: Path) -> Path:
    return next(iter(sorted((folder / "lib").glob("python*/site-packages"))))


@contextmanager
def _lock(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
