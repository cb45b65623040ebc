"""A private copy of a repository for one run, ignored build products included.

Copied with reflinks where the file system has them. The sandbox mounts the copy at the original path, so that
editable installs, absolute paths and caches resolve to it.
"""

import platform
import shutil
from pathlib import Path

from kimi_tools.errors import ToolError
from kimi_tools.process import program, run

COPY_SECONDS = 1800


async def private_copy(root: Path, place: Path) -> str:
    """Copy a tree, and return a warning: what could not be copied, empty when everything was.

    An unfinished copy of an earlier try is replaced. Raises `ToolError` when nothing could be copied.
    """
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    flags = ["-cRp"] if platform.system() == "Darwin" else ["-a", "--reflink=auto"]
    done = await run([program("cp"), *flags, f"{root}/.", str(unfinished)], cwd=root, timeout=COPY_SECONDS)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.timed_out or not unfinished.is_dir():
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ToolError(f"The private copy of {root} could not be made: {said[:300] or 'it took too long'}.")
    unfinished.rename(place)
    if done.exit_code == 0:
        return ""
    lines = said.splitlines()
    return f"{len(lines)} files were not copied, the first: {lines[0] if lines else 'unknown'}."
