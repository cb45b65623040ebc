"""kill -9 in the middle of writes, over and over: `python -m tests.faults.kills FOLDER COUNT` says how it went.

Each round lays out the same files, kills a child at one system call of one scenario, opens the workspace again
and looks: every file old or every file new, nothing torn, nothing left over, and the next edit and undo work.
A program of its own, because it forks and must have no threads.
"""

import itertools
import shutil
import sys
from pathlib import Path

from kimi_tools import journal
from kimi_tools.workspace import Workspace
from tests.faults import disk


def main(folder: Path, count: int) -> int:
    """Kill `count` times; gives the number of rounds after which something was wrong."""
    ends: dict[str, dict[str, tuple[int, bytes]]] = {}
    every: list[tuple[str, int, disk.How]] = []
    for scenario in disk.SCENARIOS:
        workspace = fresh(folder)
        every += [(scenario, *fault) for fault in disk.faults_of(scenario, workspace)]
        ends[scenario] = disk.tree(workspace.root)
        workspace.close()
    every = [*every[::3], *every[1::3], *every[2::3]]  # a short run sees all scenarios too
    wrong = killed = old = 0
    for scenario, number, how in itertools.islice(itertools.cycle(every), count):
        workspace = fresh(folder)
        start = disk.tree(workspace.root)
        killed += disk.main(scenario, workspace.root, workspace.state, number, how) != 0
        problem = look(workspace, start, ends[scenario])
        old += problem == "old"
        if problem not in ("old", "new"):
            wrong += 1
            print(f"{scenario}, call {number}, {how}: {problem}")
        workspace.close()
    print(f"{count} rounds, {killed} killed, {old} old, {count - old - wrong} new, {wrong} wrong")
    return wrong


def fresh(folder: Path) -> Workspace:
    """The same files in an empty workspace."""
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "root"
    root.mkdir(parents=True)
    disk.lay_out(root)
    return Workspace(root, state=folder / "state")


def look(workspace: Workspace, start: dict[str, tuple[int, bytes]], end: dict[str, tuple[int, bytes]]) -> str:
    """`old`, `new`, or what is wrong after the workspace was opened again."""
    journal.recover(workspace)
    after = disk.tree(workspace.root)
    if after not in (start, end):
        return "torn: " + ", ".join(
            name for name in after.keys() | start.keys() if after.get(name) != start.get(name)
        )
    if any(".kimi-" in name for name in after):
        return "a temporary file is left"
    journal.apply(workspace, "next", [journal.Change("next.txt", None, b"x")])
    journal.undo(workspace)
    if disk.tree(workspace.root) != after:
        return "the next edit and its undo do not give the same tree"
    left = [
        path.name for path in (workspace.state / "journal").iterdir() if path.suffix in (".intent", ".new")
    ]
    return f"left in the journal: {left}" if left else "old" if after == start else "new"


if __name__ == "__main__":
    with disk.not_waiting_for_the_disk():
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])) > 0)
