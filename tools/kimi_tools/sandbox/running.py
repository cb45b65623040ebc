"""One command in a sandbox, from its start to the look at what it left."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kimi_tools.process import Finished, Launch, run
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
    launch = await _launch(sandbox, argv, place, environment or {})
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


async def _launch(
    sandbox: Sandbox, argv: Sequence[str], place: Place, environment: Mapping[str, str]
) -> Launch:
    """`Sandbox.launch` in a thread; what it holds is given back if the caller is cancelled meanwhile."""
    making = asyncio.ensure_future(asyncio.to_thread(sandbox.launch, argv, place, environment))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_give_back)
        raise


def _give_back(making: "asyncio.Future[Launch]") -> None:
    if not making.cancelled() and making.exception() is None and (after := making.result().after):
        asyncio.get_running_loop().run_in_executor(None, after)
