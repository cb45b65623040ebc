"""`… locate ISSUES.jsonl --repositories FOLDER --work FOLDER`: how often `locate` finds what the gold patch changes.

ISSUES: rows of SWE-bench with `gold_files`. The repositories are bare git directories named `owner+name/repo`;
each is checked out at the issue's base commit in a shared clone, whose history then ends there. What the index says
is kept in the work folder, so that weights can be tried in a minute; `--tune` fits them on one half of the rows (by a
hash of the instance's id), and the table is of the other half. A row counts when all its gold files (not tests) are
among the first k; of functions, when all functions and methods that the patch changes are, and rows whose patch
changes none are left out. `alone` is BM25 over whole files; each line of the ablation leaves one signal out.
"""

import argparse
import asyncio
import hashlib
import json
import pickle
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kimi_tools.index import index_of
from kimi_tools.index.words import words_of
from kimi_tools.policy import Policy
from kimi_tools.symbols.locate import rank
from kimi_tools.symbols.locate.clues import Clues, clues_of
from kimi_tools.symbols.locate.evidence import Evidence, gather
from kimi_tools.symbols.locate.history import commits_of
from kimi_tools.symbols.locate.passages import Passages
from kimi_tools.symbols.locate.signals import Scores, signals_of
from kimi_tools.workspace import Workspace

Row = dict[str, Any]
KS = (1, 3, 5, 10)


def reporting(row: Row) -> bool:
    """Whether a row is of the half that weights are never tuned on."""
    return bool(int(hashlib.sha256(row["instance_id"].encode()).hexdigest(), 16) >> 1 & 1)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


async def gather_all(rows: list[Row], repositories: dict[str, Path], work: Path) -> None:
    """Look up what ranking needs for every row that is not yet in the work folder; by date, so that little changes."""
    for repository in sorted({row["repo"] for row in rows} & repositories.keys()):
        own = [row for row in rows if row["repo"] == repository and not (work / row["instance_id"]).exists()]
        if not own:
            continue
        tree = work / "trees" / repository.replace("/", "+")
        if not tree.exists():
            source = str(repositories[repository])
            subprocess.run(["git", "clone", "-q", "--shared", "--no-checkout", source, str(tree)], check=True)
        dates = {
            row["instance_id"]: int(git(tree, "show", "-s", "--format=%ct", row["base_commit"]))
            for row in own
        }
        workspace: Workspace | None = None
        for row in sorted(own, key=lambda row: dates[row["instance_id"]]):
            command = ["git", "-C", str(tree), "checkout", "-q", "-f", "--detach", row["base_commit"]]
            subprocess.run(command, check=False)  # a blob may be missing from a partial mirror
            if git(tree, "rev-parse", "HEAD").strip() != row["base_commit"]:
                print(f"left out: {row['instance_id']}")
                continue
            workspace = workspace or Workspace(tree, state=work / "state", policy=Policy())
            found = await evidence_of(workspace, row["problem_statement"])
            (work / row["instance_id"]).write_bytes(pickle.dumps((row, *found)))
            print(row["instance_id"], flush=True)
        if workspace is not None:
            workspace.close()


async def evidence_of(workspace: Workspace, text: str) -> tuple[Clues, Evidence]:
    index = index_of(workspace)
    words = words_of(index)
    while await words.complete(60):
        pass
    clues = clues_of(text)
    return clues, gather(index, words, clues, await commits_of(workspace))


def changed_functions(patch: str, evidence: Evidence) -> set[tuple[str, str]]:
    """The functions and methods of the old files that a patch changes."""
    found: set[tuple[str, str]] = set()
    path, line = "", 0
    for text in patch.split("\n"):
        if text.startswith("--- "):
            path = text.removeprefix("--- ").removeprefix("a/")
        elif match := re.match(r"@@ -(\d+)", text):
            line = int(match[1])
        elif text.startswith(("+", "-")) and not text.startswith("+++ "):
            at = line if text.startswith("-") else line - 1
            around = [
                item
                for item in evidence.outlines.get(path, ())
                if item.kind in ("function", "method") and item.first_line <= at <= item.last_line
            ]
            if around:
                found.add((path, max(around, key=lambda item: item.first_line).qualified))
            line += text.startswith("-")
        else:
            line += 1
    return found


class Case:
    """One issue, its signals, and what is to be found."""

    def __init__(self, row: Row, clues: Clues, evidence: Evidence) -> None:
        self.row = row
        started = time.process_time()
        self.passages = Passages(evidence, clues)
        self.signals: dict[str, Scores] = signals_of(evidence, clues, self.passages)
        self.milliseconds = (time.process_time() - started) * 1000
        self.about_tests = clues.about_tests
        self.functions = changed_functions(row["patch"], evidence)

    def ranked(self) -> tuple[int, int | None]:
        """The rank of the last gold file, and of the last gold function (None: the patch changes none)."""
        files = rank.rank_files(self.signals, self.about_tests)
        last = last_of([item.path for item in files], self.row["gold_files"])
        if not self.functions:
            return last, None
        parts = rank.rank_parts(files, self.passages)
        named = [
            (p.path, p.definition.qualified) for p in parts if p.definition.kind in ("function", "method")
        ]
        return last, last_of(named, list(self.functions))


def last_of(ranked: list[Any], wanted: list[Any]) -> int:
    places = {item: number for number, item in reversed(list(enumerate(ranked, 1)))}
    return max(places.get(item, 1_000_000) for item in wanted)


def line(title: str, ranks: list[int], ks: tuple[int, ...] = KS) -> str:
    shares = (100 * sum(rank <= k for rank in ranks) / max(len(ranks), 1) for k in ks)
    return f"{title:34} {len(ranks):4}  " + "  ".join(f"{share:5.1f}" for share in shares)


def report(cases: list[Case]) -> None:
    whole = dict(rank.WEIGHTS)
    print(f"{'reporting half':34} rows  " + "  ".join(f"  @{k:<3}" for k in KS))
    for title, some in (
        ("files", cases),
        ("files, SWE-bench Lite", [case for case in cases if "lite" in case.row.get("subsets", ())]),
        ("files, one gold file", [case for case in cases if len(case.row["gold_files"]) == 1]),
    ):
        ranks = [case.ranked() for case in some]
        print(line(title, [file for file, _ in ranks]))
        print(line(title.replace("files", "functions"), [function for _, function in ranks if function]))
    alone = {name: 1.0 if name == "words" else 0.0 for name in whole}
    for title, weights in (
        ("files: BM25 alone", alone),
        *((f"files: without {name}", {**whole, name: 0.0}) for name in whole),
    ):
        rank.WEIGHTS.update(weights)
        print(line(title, [case.ranked()[0] for case in cases]))
    rank.WEIGHTS.update(whole)
    times = sorted(case.milliseconds for case in cases)
    print(
        f"signals: {statistics.median(times):.0f} ms of processor in the median, {times[-1]:.0f} ms at most"
    )


def tune(cases: list[Case]) -> None:
    """Coordinate ascent from the weights in use; prints what it finds."""

    def worth() -> float:
        lasts = [
            last_of([i.path for i in rank.rank_files(c.signals, False)], c.row["gold_files"]) for c in cases
        ]
        return sum(1 / last + sum(last <= k for k in KS) * 0.25 for last in lasts)

    best = worth()
    for name in [*rank.WEIGHTS, *rank.WEIGHTS]:
        for step in (0.1, -0.1, 0.05, -0.05):
            before = rank.WEIGHTS[name]
            rank.WEIGHTS[name] = round(before + step, 2)
            if (now := worth()) > best + 0.01 * len(cases) ** 0.5:
                best = now
            else:
                rank.WEIGHTS[name] = before
        print(name, rank.WEIGHTS[name], round(best, 2), flush=True)
    print(rank.WEIGHTS)


def cases_of(rows: list[Row], work: Path) -> Iterator[Case]:
    for row in rows:
        path = work / row["instance_id"]
        if path.exists():
            yield Case(*pickle.loads(path.read_bytes()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("issues", type=Path)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument(
        "--fork", action="append", default=[], help="owner/name=owner+name: where to find one"
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = [json.loads(text) for text in options.issues.read_text("utf-8").splitlines()]
    forks = dict(fork.split("=") for fork in options.fork)
    places = {row["repo"]: forks.get(row["repo"], row["repo"].replace("/", "+")) for row in rows}
    repositories = {
        name: options.repositories / place / "repo"
        for name, place in places.items()
        if (options.repositories / place / "repo").exists()
    }
    options.work.mkdir(parents=True, exist_ok=True)
    asyncio.run(gather_all(rows, repositories, options.work))
    if options.tune:
        tune(list(cases_of([row for row in rows if not reporting(row)], options.work)))
    report(list(cases_of([row for row in rows if reporting(row)], options.work)))


if __name__ == "__main__":
    main()
