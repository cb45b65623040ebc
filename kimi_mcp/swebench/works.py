"""What jobs do: validate an instance, evaluate a prediction, solve an issue."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from kimi_mcp.agent.events import Attempted, Ended, Outcome
from kimi_mcp.model.connect import address
from kimi_mcp.model.keys import find_key
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.further import attempt_folder
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import Beside, connecting, work
from kimi_mcp.swebench import suspicion
from kimi_mcp.swebench.container import Container
from kimi_mcp.swebench.evaluate import Bench, Place, evaluate, make_place
from kimi_mcp.swebench.instances import instance_of
from kimi_mcp.swebench.jobs import Worked
from kimi_mcp.swebench.limits import SharedGate


def _bench(arguments: Mapping[str, Any]) -> Bench:
    return Bench(
        histories=[Path(name) for name in arguments["histories"]],
        cache=user_cache_path("kimi-mcp") / "swebench",  # of the machine that does the work
        kind=arguments.get("environment", "venv"),
        sandboxed=bool(arguments.get("sandboxed", True)),
        test_seconds=float(arguments["test_seconds"]),
    )


async def _place(
    arguments: Mapping[str, Any], folder: Path, *, graded: bool = True
) -> tuple[Bench, Place, float]:
    started = time.monotonic()
    bench = _bench(arguments)
    place = await make_place(bench, instance_of(arguments["row"]), folder, graded=graded)
    return bench, place, time.monotonic() - started


async def validate(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """Whether an instance is sound here: with the gold patch all graded tests pass, without it some fail."""
    bench, place, built = await _place(arguments, folder)
    marks = [time.monotonic()]
    before = await evaluate(bench, place, "", folder / "before" / "test_output.txt")
    marks.append(time.monotonic())
    after = await evaluate(bench, place, place.instance.gold_patch, folder / "after" / "test_output.txt")
    marks.append(time.monotonic())
    sound = after.resolved and bool(before.not_fixed or not before.readable)
    facts = {
        "sound": sound,
        "before": asdict(before),
        "after": asdict(after),
        "seconds": {"build": built, "before": marks[1] - marks[0], "after": marks[2] - marks[1]},
    }
    return Worked(facts, _logs(folder, ("before", "after")))


async def grade_prediction(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """The verdict on a prediction, with what in it looks like cheating."""
    bench, place, built = await _place(arguments, folder)
    patch = str(arguments["patch"])
    started = time.monotonic()
    log = folder / "graded" / "test_output.txt"
    verdict = await evaluate(bench, place, patch, log)
    flags = suspicion.of_patch(patch, place.instance)
    facts = {
        "resolved": verdict.resolved,
        "verdict": asdict(verdict),
        "suspicions": [*flags, *suspicion.of_log(verdict, log.read_text("utf-8", "replace"))],
        "seconds": {"build": built, "tests": time.monotonic() - started},
    }
    return Worked(facts, _logs(folder, ("graded",)))


async def solve(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """The agent on an issue, in its environment; the prediction and everything that led to it.

    `arguments["run"]` holds the fields of a run's `Request` that every instance shares.
    """
    _, place, built = await _place(arguments, folder, graded=False)
    os.environ.update(place.variables)  # this process is the job's own; commands inherit the allowed names
    fields = {
        "issue": place.instance.problem,
        "root": place.checkout,
        "readable": [folder],
        "allow": ["secrets"],
    }
    request = Request.model_validate({**arguments["run"], **fields})
    beside = Beside(sandbox=place.box, at=place.at) if isinstance(place.box, Container) else Beside()
    run_folder = create(folder / "state", request)
    found = find_key(address(request.host), os.environ, Path(arguments["key_file"]))
    connect = connecting(run_folder, found.key, _gate(arguments))
    attempts: list[str] = []
    outcome = Outcome(status="crashed", reason="The run gave no outcome.")
    async for event in work(run_folder, connect, beside=beside):
        if isinstance(event, Attempted):
            attempts.append(event.outcome.status)
        if isinstance(event, Ended):
            outcome = event.outcome
    patch = run_folder.patch_file.read_bytes() if run_folder.patch_file.exists() else b""
    facts = {
        "outcome": outcome.status,
        "reason": outcome.reason,
        "summary": outcome.summary,
        "evidence": outcome.evidence.model_dump(mode="json"),
        "attempts": attempts or [outcome.status],
        "kept": outcome.attempt,
        "steps": outcome.steps,
        "cost": outcome.cost,
        "unpriced": outcome.unpriced,
        "tokens": [outcome.prompt_tokens, outcome.cached_tokens, outcome.completion_tokens],
        "seconds": {"build": built, "run": outcome.seconds},
        "empty": not patch.strip(),
    }
    files = {"patch.diff": patch.decode("utf-8", "replace"), **_trajectories(run_folder, attempts)}
    broken = outcome.status in ("model_failed", "crashed")  # no try of the instance: worth another one
    return Worked(facts, files, outcome.reason if broken else "")


def _trajectories(run_folder: RunFolder, attempts: Sequence[str]) -> dict[str, str]:
    """What happened in the run, and in the further attempts inside it."""
    found = {"events.jsonl": run_folder.events_file.read_text("utf-8")}
    for number in range(2, len(attempts) + 1):
        file = attempt_folder(run_folder, number).events_file
        if file.is_file():
            found[f"attempt-{number}.jsonl"] = file.read_text("utf-8")
    return found


def _gate(arguments: Mapping[str, Any]) -> SharedGate | None:
    limiter = arguments.get("limiter")
    return SharedGate(limiter["address"], limiter["secret"]) if limiter else None


def _logs(folder: Path, names: Sequence[str]) -> dict[str, str]:
    logs = ((name, folder / name / "test_output.txt") for name in names)
    return {f"{name}.log": log.read_text("utf-8", "replace") for name, log in logs if log.is_file()}
