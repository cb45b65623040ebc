"""`--env docker`: the instance's own image, with docker or podman.

The repository is copied out of the image once, so that the agent's tools work on it here; every command runs in
a fresh container of that image, without network, with the copy mounted where the image has its repository.
"""

import os
import re
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.history import adopt, start_over
from kimi_mcp.swebench.instances import Instance
from kimi_tools.errors import Unavailable
from kimi_tools.process import Finished, Launch, allowed_environment, program, run
from kimi_tools.sandbox import Place

PULL_SECONDS = 3600
ANSWER_SECONDS = 60


def image_of(instance: Instance) -> tuple[str, str]:
    """The image of an instance and the path of the repository in it.

    swebench 5 rows name their `image`; Live rows their `docker_image`, or follow its naming; Pro rows a
    `dockerhub_tag` of `jefzda/sweap-images`, with the repository at `/app`; the others follow swebench's naming on
    its registry. Raises `EnvironmentFailed` for an image that is not for Linux.
    """
    row = instance.row
    if tag := row.get("dockerhub_tag"):
        return f"jefzda/sweap-images:{tag}", "/app"
    name = instance.id.lower().replace("__", "_1776_")
    owner = "starryzhang" if row.get("commit_urls") or row.get("test_cmds") else "swebench"
    image = str(row.get("image") or row.get("docker_image") or row.get("image_name") or "")
    if ".win." in image:
        raise EnvironmentFailed(f"{instance.id}: its image {image} is for Windows, which is not supported.")
    return image or f"{owner}/sweb.eval.x86_64.{name}:latest", str(row.get("workdir") or "/testbed")


@cache
def engine() -> str:
    """The container program of this machine: docker, else podman; of both, the first that answers.

    Where neither answers it is docker, whose own words tell why. Raises `Unavailable` where neither is installed.
    """
    found: list[str] = []
    for name in ("docker", "podman"):
        with suppress(Unavailable):
            found.append(program(name))
    if not found:
        raise Unavailable("Neither docker nor podman is installed; install one, or use --env venv.")
    return next((path for path in found if _answers(path)), found[0]) if found[1:] else found[0]


def _answers(path: str) -> bool:
    """Whether a container program works: docker is often installed where its daemon does not run."""
    command = [path, "info", "--format", "{{.}}"]
    try:
        asked = subprocess.run(
            command, env=_engine_environment(), capture_output=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


@dataclass(frozen=True, slots=True)
class Container:
    """A sandbox that is a container of one image: no network, no capability, the copy at `workdir`.

    `readable`: folders that commands see at their own path and cannot change. `user`: as which user they run,
    empty for the image's own. `variables`: theirs beside the image's.
    """

    image: str
    workdir: str
    readable: Sequence[Path] = ()
    user: str = ""

    level = "docker"
    mounts = True
    own_programs = True
    gaps = ("the container engine's own protection is all there is",)

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command in a fresh container that is removed at its end, however it ends."""
        name = _name()
        command = [engine(), "run", "--rm", "--init", "--name", name, "--network", "none"]
        command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        command += ["--pids-limit", str(place.limits.tasks or 4096)]
        if place.limits.memory:
            command += ["--memory", str(place.limits.memory)]
        if self.user:
            command += ["--user", self.user, "--env", "HOME=/tmp"]
        command += ["--volume", f"{place.root}:{self.workdir}", "--workdir", f"{self.workdir}/{place.folder}"]
        for folder in place.writable:
            command += ["--volume", f"{folder}:{folder}"]
        for folder in self.readable:
            command += ["--volume", f"{folder}:{folder}:ro"]
        for key, value in {**_OFFLINE, **environment}.items():
            if key != "PATH":  # that of this machine
                command += ["--env", f"{key}={value}"]
        # merged in the container: the engine carries two streams apart, and a log's markers would change places
        inside = f"{ACTIVATE}; exec {shlex.join(self._inside(argv, place))} 2>&1"
        return Launch(
            [*command, "--entrypoint", "/bin/bash", self.image, "-c", inside],
            _engine_environment(),
            sandbox=self.level,
            after=lambda: _removed(name),
        )

    def _inside(self, argv: Sequence[str], place: Place) -> Sequence[str]:
        """The command with a program of this machine named as the image knows it, by its name on PATH."""
        program = Path(argv[0])
        seen = (Path(self.workdir), *place.writable, *self.readable)
        if program.is_absolute() and not any(program.is_relative_to(folder) for folder in seen):
            return [program.name, *argv[1:]]
        return argv


ACTIVATE = (
    "[ ! -f /opt/miniconda3/bin/activate ] || { . /opt/miniconda3/bin/activate && conda activate testbed; }"
)
"""swebench's Python images keep the environment `testbed` in a conda; others need nothing."""

_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""Graded scripts may install the checkout again. pip then builds with what the image has (its setting of this
name is read the other way round: 0 is no isolation), or fails at once and what is installed stays."""


def _name() -> str:
    """A container's name, which tells whose it is, so that one whose process was killed can be found."""
    return f"{_OWN}{os.getpid()}-{uuid.uuid4().hex[:12]}"


_OWN = f"kimi-mcp-{re.sub(r'[^A-Za-z0-9_.]', '_', os.uname().nodename)}-"


async def sweep() -> None:
    """Remove the containers of processes of this machine that are gone: SIGKILL leaves them running."""
    listed = await _engine("ps", "--all", "--filter", f"name={_OWN}", "--format", "{{.Names}}", seconds=60)
    for name in listed.text.split():
        number = name.removeprefix(_OWN).partition("-")[0]
        if name.startswith(_OWN) and number.isdigit() and not _alive(int(number)):
            await _engine("rm", "--force", name, seconds=60)


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def check_out(instance: Instance, into: Path, readable: Path, *, history: bool = False) -> Container:
    """Copy the repository out of the instance's image and make it one commit.

    `history`: keep the image's own history below that commit, for grading: a graded script may install the
    checkout again, with a version that is made of its tags. `readable`: a folder that commands will see.
    Raises `EnvironmentFailed` with what the container program said.
    """
    image, workdir = image_of(instance)
    await sweep()
    if (await _engine("image", "inspect", image, seconds=60)).exit_code != 0:
        await _must(instance, "pull", "--quiet", image, seconds=PULL_SECONDS)
    made = (await _must(instance, "create", "--name", _name(), image, "true", seconds=300)).text.split()[-1]
    try:
        if into.exists():
            shutil.rmtree(into)
        into.parent.mkdir(parents=True, exist_ok=True)
        await _must(instance, "cp", f"{made}:{workdir}/.", str(into), seconds=900)
    finally:
        await _engine("rm", "--force", made, seconds=60)
    await (adopt if history else start_over)(into)
    return Container(image, workdir, [readable], await _user())


async def _user() -> str:
    """As whom commands run in a container, so that what they write can be read and removed here.

    Where the engine has no root's rights, its root is we ourselves.
    """
    if os.getuid() == 0 or Path(engine()).name == "podman":
        return ""
    told = await _engine("info", "--format", "{{.SecurityOptions}}", seconds=60)
    return "" if "rootless" in told.text else f"{os.getuid()}:{os.getgid()}"


def _engine_environment() -> dict[str, str]:
    """The container program's own settings (which daemon, which configuration) beside the allowed names."""
    names = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "XDG_RUNTIME_DIR")
    return allowed_environment({name: value for name, value in os.environ.items() if name.startswith(names)})


def _removed(name: str) -> Sequence[str]:
    """Remove a container that outlived its client (a time-out, a cancellation)."""
    subprocess.run(
        [engine(), "rm", "--force", name],
        env=_engine_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return ()


async def _engine(*arguments: str, seconds: float) -> Finished:
    return await run([engine(), *arguments], cwd="/", timeout=seconds, environment=_engine_environment())


async def _must(instance: Instance, *arguments: str, seconds: float) -> Finished:
    done = await _engine(*arguments, seconds=seconds)
    if done.exit_code != 0:
        said = re.sub(r"\s+", " ", done.stderr.decode("utf-8", "replace")).strip()[-300:]
        raise EnvironmentFailed(f"{instance.id}: '{arguments[0]} {arguments[-1]}' failed: {said}")
    return done
