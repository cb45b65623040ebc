"""What a command may write outside the root."""

import sys
from collections.abc import Callable

import anyio

from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def test_a_command_writes_into_scratch_and_nothing_of_it_is_left(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({})

    async def write() -> bytes:
        with workspace.scratch() as folder:
            script = f"open({str(folder / 'report')!r}, 'w').write('done')"
            await workspace.run([sys.executable, "-c", script], timeout=20, writable=[folder])
            return (folder / "report").read_bytes() if folder.exists() else b""

    assert anyio.run(write) == b"done"
    with workspace.scratch() as first, workspace.scratch() as second:
        assert first != second
        assert not first.is_relative_to(workspace.root)
    assert not first.exists()
