"""`uv run python -m tests.bench.locate ISSUES.jsonl --repositories FOLDER --work FOLDER`: how often `locate` finds
what the gold patch changes.

ISSUES: rows of SWE-bench with `gold_files`. The repositories are bare git directories `FOLDER/owner+name/repo`;
`--fork django/django=adamchainz+django` names another folder for one of them. Each is checked out at the issue's
base commit in a shared clone, whose history then ends there. What the index says is kept in the work folder, so that
the next run takes a minute. The rows are halved by a hash of the instance's id; the table is of the half that the
weights were not fitted on. `--tune` fits the weights on the other half, and prints a line of all rows, each half ranked
with weights fitted on the other (the signals themselves were chosen on the tuning half).

A row counts when ALL its gold files (those of its patch, no tests) are among the first k; of functions, when all
functions and methods that the patch changes are, and rows whose patch changes none are left out. `BM25 alone` is the
signal `words` over all files that are no tests; `tests too` ranks those as well. Each line of the ablation leaves one
signal out, with the other weights as they are.
"""

import argparse
import asyncio
import hashlib
import json
import math
import pickle
import re
import statistics
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kimi_tools.index import index_of
from kimi_tools.index.words import words_of
from kimi_tools.policy import Policy
from kimi_tools.symbols.locate import rank
from kimi_tools.symbols.locate.clues import Clues, clues_of
from kimi_tools.symbols.locate.evidence import Evidence, gather
from kimi_tools.symbols.locate.history import History, history_of
from kimi_tools.symbols.locate.passages import Passages
from kimi_tools.symbols.locate.signals import Scores, signals_of
from kimi_tools.syntax import Definition
from kimi_tools.workspace import Workspace

Row = dict[str, Any]
KS = (1, 3, 5, 10)
CHOICES, MOST_GOLD = 150, 4
Choice = tuple[list[list[float]], list[int]]
"""The signals of the files to choose among, and which of them are right."""


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
            evidence = await evidence_of(workspace, clues_of(row["problem_statement"]))
            index = index_of(workspace)
            functions = changed_functions(
                row["patch"], {path: index.outline(path) or [] for path in row["gold_files"]}
            )
            (work / row["instance_id"]).write_bytes(pickle.dumps((row, evidence, functions)))
            print(row["instance_id"], flush=True)
        if workspace is not None:
            workspace.close()


async def evidence_of(workspace: Workspace, clues: Clues) -> Evidence:
    index = index_of(workspace)
    words = words_of(index)
    while await words.complete(60):
        pass
    return gather(index, words, clues, await history_of(workspace))


def changed_functions(patch: str, outlines: dict[str, list[Definition]]) -> set[tuple[str, str]]:
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
                for item in outlines.get(path, ())
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

    def __init__(self, row: Row, evidence: Evidence, functions: set[tuple[str, str]]) -> None:
        self.row, self.functions = row, functions
        clues = clues_of(row["problem_statement"])
        started = time.process_time()
        self.passages = Passages(evidence, clues)
        self.signals: dict[str, Scores] = signals_of(evidence, clues, self.passages)
        self.milliseconds = (time.process_time() - started) * 1000
        self.about_tests = clues.about_tests
        evidence.history = History()  # only the signals needed it, and it is large

    @property
    def files(self) -> list[rank.Ranked]:
        return rank.rank_files(self.signals, self.about_tests)

    @property
    def gold(self) -> list[str]:
        return self.row["gold_files"]

    def file_rank(self) -> int:
        """The rank of the last gold file."""
        return last_of([item.path for item in self.files], self.gold)

    def function_rank(self) -> int:
        """The rank of the last gold function; 0: the patch changes none."""
        if not self.functions:
            return 0
        parts = rank.rank_parts(self.files, self.passages)
        named = [
            (part.path, part.definition.qualified)
            for part in parts
            if part.definition.kind in ("function", "method")
        ]
        return last_of(named, list(self.functions))


def last_of(ranked: list[Any], wanted: list[Any]) -> int:
    places = {item: number for number, item in reversed(list(enumerate(ranked, 1)))}
    return max(places.get(item, 1_000_000) for item in wanted)


def line(title: str, ranks: list[int], ks: tuple[int, ...] = KS) -> str:
    shares = (100 * sum(found <= k for found in ranks) / max(len(ranks), 1) for k in ks)
    return f"{title:34} {len(ranks):4}  " + "  ".join(f"{share:5.1f}" for share in shares)


@contextmanager
def weighted(weights: dict[str, float]) -> Generator[None]:
    """The weights of files, for a while."""
    before = dict(rank.WEIGHTS)
    rank.WEIGHTS.update(weights)
    yield
    rank.WEIGHTS.update(before)


def groups(cases: list[Case]) -> Iterator[tuple[str, list[Case]]]:
    yield "all", cases
    yield "SWE-bench Lite", [case for case in cases if "lite" in case.row.get("subsets", ())]
    yield "one gold file", [case for case in cases if len(case.gold) == 1]
    for repository in sorted({case.row["repo"] for case in cases}):
        yield repository, [case for case in cases if case.row["repo"] == repository]


def report(cases: list[Case]) -> None:
    nothing = dict.fromkeys(rank.WEIGHTS, 0.0)
    alone = {**nothing, "words": 1.0, "test": -9.0}
    print(f"{'reporting half':34} rows  " + "  ".join(f"  @{k:<3}" for k in KS))
    for title, some in groups(cases):
        print(line(f"files: {title}", [case.file_rank() for case in some]))
        print(line(f"functions: {title}", [found for case in some if (found := case.function_rank())]))
        with weighted(alone):
            print(line(f"files: {title}, BM25 alone", [case.file_rank() for case in some]))
    with weighted({**alone, "test": 0.0}):
        print(line("files: all, BM25, tests too", [case.file_rank() for case in cases]))
    for name in rank.WEIGHTS:
        with weighted({name: 0.0}):
            print(line(f"files: without {name}", [case.file_rank() for case in cases]))
    for name, weight in dict(rank.PART_WEIGHTS).items():
        rank.PART_WEIGHTS[name] = 0.0
        print(
            line(f"functions: without {name}", [found for case in cases if (found := case.function_rank())])
        )
        rank.PART_WEIGHTS[name] = weight
    times = sorted(case.milliseconds for case in cases)
    print(f"signals: {statistics.median(times):.0f} ms of processor in the median, {times[-1]:.0f} at most")


def tuned(cases: list[Case]) -> dict[str, float]:
    """The weights of files that fit the cases best."""
    names = [name for name in rank.WEIGHTS if name != "test"]
    choices: list[Choice] = []
    for case in cases:
        near = [item.path for item in case.files if item.path not in case.signals["test"]][:CHOICES]
        chosen = [path for path in case.gold if path in near]
        if chosen and len(case.gold) <= MOST_GOLD:
            rows = [[case.signals[name].get(path, 0.0) for name in names] for path in near]
            choices.append((rows, [near.index(path) for path in chosen]))
    return dict(zip(names, fitted(choices, len(names)), strict=True))


def crossed(halves: tuple[list[Case], list[Case]]) -> None:
    """All rows, each half with the weights that fit the other."""
    ranks: dict[str, list[int]] = {}
    for half, other in (halves, halves[::-1]):
        with weighted(tuned(other)):
            for title, some in groups(half):
                ranks.setdefault(title, []).extend(case.file_rank() for case in some)
    for title, found in ranks.items():
        print(line(f"both halves: {title}", found))


def fitted(choices: list[Choice], size: int, penalty: float = 1.0, rounds: int = 80) -> list[float]:
    """A conditional logit with a square penalty, by Rprop: each weight has its own step, halved when it overshoots."""
    weights, steps, before = [0.0] * size, [0.1] * size, [0.0] * size
    for _ in range(rounds):
        slope = [2 * penalty * weight for weight in weights]
        for rows, chosen in choices:
            scores = [sum(map(float.__mul__, weights, map(float, row))) for row in rows]
            top = max(scores)
            shares = [math.exp(score - top) for score in scores]
            whole = sum(shares)
            for number, row in enumerate(rows):
                surplus = shares[number] / whole - (number in chosen) / len(chosen)
                if abs(surplus) > 1e-6:
                    for place, value in enumerate(row):
                        slope[place] += surplus * value
        for place in range(size):
            steps[place] *= 1.2 if slope[place] * before[place] > 0 else 0.5
            weights[place] -= math.copysign(steps[place], slope[place])
        before = slope
    return weights


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
    asyncio.run(
        gather_all([row for row in rows if options.tune or reporting(row)], repositories, options.work)
    )
    cases = list(cases_of([row for row in rows if reporting(row)], options.work))
    report(cases)
    if options.tune:
        tuning = list(cases_of([row for row in rows if not reporting(row)], options.work))
        for name, weight in tuned(tuning).items():
            print(f"{name:12} {weight:6.2f}")
        crossed((cases, tuning))


if __name__ == "__main__":
    main()
