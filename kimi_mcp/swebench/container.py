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
from dataclasses import dataclass
from pathlib import Path

from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.history import commit_all
from kimi_mcp.swebench.instances import Instance
from kimi_tools.errors import Unavailable
from kimi_tools.process import Finished, Launch, allowed_environment, program, run
from kimi_tools.sandbox import Place

PULL_SECONDS = 3600


def image_of(instance: Instance) -> tuple[str, str]:
    """The image of an instance and the path of the repository in it.

    swebench 5 rows name their `image`; Live rows their `docker_image`; Pro rows a `dockerhub_tag` of
    `jefzda/sweap-images`, with the repository at `/app`; the others follow swebench's naming on its registry.
    """
    row = instance.row
    if tag := row.get("dockerhub_tag"):
        return f"jefzda/sweap-images:{tag}", "/app"
    if image := row.get("image") or row.get("docker_image") or row.get("image_name"):
        return str(image), str(row.get("workdir") or "/testbed")
    name = instance.id.lower().replace("__", "_1776_")
    return f"swebench/sweb.eval.x86_64.{name}:latest", "/testbed"


def engine() -> str:
    """The container program of this machine: docker, else podman. Raises `Unavailable`."""
    for name in ("docker", "podman"):
        try:
            return program(name)
        except Unavailable:
            continue
    raise Unavailable("Neither docker nor podman is installed; install one, or use --env venv.")


@dataclass(frozen=True, slots=True)
class Container:
    """A sandbox that is a container of one image: no network, no capability, the copy at `workdir`."""

    image: str
    workdir: str

    level = "docker"
    mounts = True
    gaps = ("the container engine's own protection is all there is",)

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command in a fresh container that is removed at its end, however it ends."""
        name = f"kimi-mcp-{uuid.uuid4().hex[:12]}"
        command = [engine(), "run", "--rm", "--init", "--name", name, "--network", "none"]
        command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "4096"]
        command += ["--volume", f"{place.root}:{self.workdir}", "--workdir", f"{self.workdir}/{place.folder}"]
        for folder in place.writable:
            command += ["--volume", f"{folder}:{folder}"]
        for key, value in environment.items():
            command += ["--env", f"{key}={value}"]
        inside = f"{ACTIVATE} && exec {shlex.join(argv)}"
        return Launch(
            [*command, self.image, "/bin/bash", "-c", inside],
            _engine_environment(),
            sandbox=self.level,
            after=lambda: _removed(name),
        )


ACTIVATE = "{ [ ! -f /opt/miniconda3/bin/activate ] || { . /opt/miniconda3/bin/activate && conda activate testbed; }; }"
"""swebench's Python images keep the environment `testbed` in a conda; others need nothing."""


async def check_out(instance: Instance, into: Path) -> Container:
    """Copy the repository out of the instance's image and make it one commit.

    Raises `EnvironmentFailed` with what the container program said.
    """
    image, workdir = image_of(instance)
    if (await _engine("image", "inspect", image, seconds=60)).exit_code != 0:
        await _must(instance, "pull", "--quiet", image, seconds=PULL_SECONDS)
    made = (await _must(instance, "create", image, "true", seconds=300)).text.strip().splitlines()[-1]
    try:
        if into.exists():
            shutil.rmtree(into)
        into.parent.mkdir(parents=True, exist_ok=True)
        await _must(instance, "cp", f"{made}:{workdir}/.", str(into), seconds=900)
    finally:
        await _engine("rm", "--force", made, seconds=60)
    shutil.rmtree(into / ".git", ignore_errors=True)  # the image's history may hold the fix
    await commit_all(into)
    return Container(image, workdir)


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
