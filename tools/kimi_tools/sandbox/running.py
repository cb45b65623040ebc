"""One command in a sandbox, from its start to the look at what it left."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kimi_tools.process import Finished, run
from kimi_tools.sandbox.place import Place, Sandbox


async def run_confined(
    sandbox: Sandbox,
    argv: Sequence[str],
    place: Place,
    *,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    on_output: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run a command in a sandbox, standard error merged into output and secrets taken out of it.

    `environment` is added to the allowed names. Raises `Unavailable`, `NotAllowed`.
    """
    launch = await asyncio.to_thread(sandbox.launch, argv, place, environment or {})
    notes: Sequence[str] = ()
    try:
        finished = await run(
            replace(launch, limits=place.limits),
            cwd=place.root / place.folder,
            timeout=timeout,
            merge_stderr=True,
            on_output=on_output,
            masked=True,
        )
    finally:
        if launch.after is not None:
            notes = await asyncio.shield(asyncio.to_thread(launch.after))
    return replace(finished, notes=tuple(notes))
