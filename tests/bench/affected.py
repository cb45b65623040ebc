"""`python -m tests.bench.affected INSTANCES REPOSITORIES [tests]`: does `run_tests only=affected` run the right tests?

INSTANCES is a file of SWE-bench rows, one JSON object per line; REPOSITORIES a folder that holds a git directory
`<owner>+<name>` for each repository in it (with the base commits). For every row the gold patch is applied to the
base commit, and the files that `only=affected` would run are compared with those of the row's FAIL_TO_PASS tests.
With `tests` the row's test patch is applied too, as by an agent that has written its tests already.
Printed per row: hit or miss, the chosen share of all tests, seconds; at the end the sums.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kimi_tools.testrun.changes import changed_files, committed_together
from kimi_tools.testrun.select import choose_affected, indexed
from kimi_tools.testrun.testfiles import is_runnable, test_files
from kimi_tools.workspace import Workspace


def git(root: Path, *arguments: str, stdin: str = "") -> None:
    """Run git in a checkout of ours."""
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, input=stdin.encode())


def wanted_files(row: dict[str, Any], checkout: Path) -> set[str]:
    """The files that hold the tests which the patch makes pass."""
    ids: list[str] = (
        json.loads(row["FAIL_TO_PASS"]) if isinstance(row["FAIL_TO_PASS"], str) else row["FAIL_TO_PASS"]
    )
    touched = set(re.findall(r"^\+\+\+ b/(.*)$", row["test_patch"], re.MULTILINE))
    found: set[str] = set()
    for test in ids:
        if "::" in test:
            found.add(test.partition("::")[0])
        elif match := re.match(r"\S+ \(([\w.]+)\)", test):  # Django's form
            parts = match[1].split(".")
            paths = [f"tests/{'/'.join(parts[:end])}.py" for end in range(len(parts), 0, -1)]
            found.update(next(([p] for p in paths if (checkout / p).exists() or p in touched), []))
    return found or {path for path in touched if is_runnable(path)}


async def judge(checkout: Path, state: Path) -> tuple[set[str], float, float]:
    """The files that are chosen, their share of all tests, and the seconds that choosing took."""
    workspace = Workspace(checkout, state=state)
    try:
        index = await indexed(workspace, 600)
        started = time.perf_counter()
        changes = await changed_files(workspace)
        together = await committed_together(workspace, [c.path for c in changes if not is_runnable(c.path)])
        chosen, _ = choose_affected(index, changes, together)
        seconds = time.perf_counter() - started
        tests = test_files(index).counts
        share = sum(tests[related.path] for related in chosen) / sum(tests.values())
        index.close()
        return {related.path for related in chosen}, share, seconds
    finally:
        workspace.close()


def main(instances: Path, repositories: Path, with_tests: bool) -> None:
    """Judge every row and print."""
    results: list[tuple[bool, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in map(json.loads, instances.read_text("utf-8").splitlines()):
            name = row["repo"].replace("/", "+")
            checkout = Path(folder) / name
            if not checkout.exists():
                git(Path(folder), "clone", "-q", "--shared", "--no-checkout", str(repositories / name), name)
            git(checkout, "checkout", "-qf", row["base_commit"])
            git(checkout, "clean", "-qfdx")
            git(checkout, "apply", "-", stdin=row["patch"])
            if with_tests:
                git(checkout, "apply", "-", stdin=row["test_patch"])
            wanted = wanted_files(row, checkout)
            chosen, share, seconds = asyncio.run(judge(checkout, Path(folder) / "state"))
            hit = wanted <= chosen
            results.append((hit, share, seconds))
            missed = "" if hit else f"  missed: {', '.join(sorted(wanted - chosen))}"
            print(
                f"{row['instance_id']:36} {'hit ' if hit else 'MISS'} {share:6.1%} {seconds:6.2f} s{missed}",
                flush=True,
            )
    hits, total = sum(hit for hit, _, _ in results), len(results)
    share = statistics.median(share for _, share, _ in results)
    seconds = statistics.median(seconds for _, _, seconds in results)
    print(f"{hits} of {total} ({hits / total:.1%}) hold every FAIL_TO_PASS test")
    print(f"median share of tests {share:.1%}, median time {seconds:.2f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "tests" in sys.argv[3:])
