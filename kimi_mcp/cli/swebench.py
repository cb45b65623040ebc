"""`kimi-mcp swebench run|evaluate|validate INSTANCES …`: batches over SWE-bench instances."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from kimi_mcp.cli.batch_table import live_table
from kimi_mcp.config import key_file
from kimi_mcp.swebench import report
from kimi_mcp.swebench.batch import (
    Batch,
    Tally,
    fingerprint,
    read_predictions,
    write_predictions,
    write_whole,
)
from kimi_mcp.swebench.docker_harness import run_official
from kimi_mcp.swebench.engine import Engine, Local, Ray
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.instances import Instance, load, secret_free
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.limits import LimitServer, Pace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their flags."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    solve = commands.add_parser("run", help="let the agent resolve instances; writes preds.jsonl")
    _common(solve)
    _model(solve)
    validate = commands.add_parser("validate", help="run the gold patches: which instances are sound here")
    _common(validate)
    evaluate = commands.add_parser("evaluate", help="grade predictions on this machine")
    evaluate.add_argument("predictions", metavar="PREDS", type=Path, help="JSONL, or JSON list or object")
    evaluate.add_argument(
        "--official", action="store_true", help="grade with swebench's own harness, which needs Docker"
    )
    _common(evaluate, instances_flag=True)


def _common(parser: argparse.ArgumentParser, *, instances_flag: bool = False) -> None:
    name = "--instances" if instances_flag else "instances"
    required: dict[str, Any] = {"required": True} if instances_flag else {}
    rows = "JSON, JSONL or parquet rows, or swebench 5 task folders"
    parser.add_argument(name, type=Path, metavar="INSTANCES", help=rows, **required)
    parser.add_argument(
        "--out", type=Path, required=True, help="the batch's folder; an earlier one is resumed"
    )
    parser.add_argument("--only", default="", help="instance ids, separated by commas")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time (default 1)")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--address", default="", help="of a Ray cluster: auto, host:port or ray://host:port")
    parser.add_argument(
        "--repos",
        type=Path,
        action="append",
        default=[],
        help="folder with git histories; may be given again",
    )
    parser.add_argument("--env", choices=("venv", "docker", "none"), default="venv", help="default venv")
    parser.add_argument("--no-sandbox", action="store_true", help="run tests without protection")
    parser.add_argument(
        "--test-seconds", type=float, default=1800, help="limit of one test run (default 1800)"
    )
    parser.add_argument(
        "--retry", action="store_true", help="do failed, crashed and timed-out instances again"
    )


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="default: the best that the host has")
    parser.add_argument("--host", default="moonshot", help="name or address (moonshot, openrouter, http://…)")
    parser.add_argument("--mode", choices=("instant", "thinking", "agent", "swarm"), default="thinking")
    parser.add_argument(
        "--attempts",
        type=int,
        default=1,
        help="attempts at an instance at most, each with the whole budget: another is made only where nothing that "
        "was measured speaks for the last, and the best is kept; modes agent and swarm make up to three within "
        "one budget by themselves (default 1)",
    )
    parser.add_argument(
        "--concurrency", type=int, default=0, help="requests at once, of all workers together"
    )
    parser.add_argument("--rpm", type=int, default=0, help="requests per minute, of all workers together")
    parser.add_argument("--tpm", type=int, default=0, help="tokens per minute, of all workers together")
    parser.add_argument(
        "--limit-host", default="127.0.0.1", help="where workers reach this driver, on a cluster of machines"
    )
    parser.add_argument("--max-steps", type=int, default=300, help="per attempt (default 300)")
    parser.add_argument("--max-cost", type=float, default=5.0, help="US dollars per attempt (default 5)")
    parser.add_argument("--max-time", type=float, default=3600, help="seconds per attempt (default 3600)")


def run(options: argparse.Namespace) -> int:
    """Run the action; exit code 0 when every job ended by itself, 1 otherwise."""
    instances = load(options.instances, [name for name in options.only.split(",") if name])
    if options.action == "run":
        return _solve(options, instances)
    if options.action == "validate":
        return _validate(options, instances)
    return _evaluate(options, instances)


def _solve(options: argparse.Namespace, instances: Sequence[Instance]) -> int:
    shared = {
        "host": options.host,
        "model": options.model,
        "mode": options.mode,
        "no_sandbox": options.no_sandbox,
        "budget": {"steps": options.max_steps, "cost": options.max_cost, "seconds": options.max_time},
    }
    pinned = {key: value for key, value in shared.items() if key != "host"}  # a proxy's port may change
    batch = Batch(
        options.out,
        "run",
        {"instances": fingerprint(options.instances), "attempts": options.attempts, **pinned},
    )
    more = {"run": shared, "key_file": str(key_file()), "attempts": max(1, options.attempts)}
    limit = max(1, options.attempts) * options.max_time + 3600
    jobs = [_job(options, instance, "solve", more, seconds=limit) for instance in instances]
    code = _carry_out(options, batch, jobs, "Run")
    patches = [(name, batch.file(name, "patch.diff")) for name in batch.outcomes()]
    write_predictions(
        options.out / "preds.jsonl",
        options.model or "kimi",
        [(name, file.read_text("utf-8") if file.is_file() else "") for name, file in patches],
    )
    print(f"Predictions: {options.out / 'preds.jsonl'}")
    return code


def _validate(options: argparse.Namespace, instances: Sequence[Instance]) -> int:
    batch = Batch(options.out, "validate", {"instances": fingerprint(options.instances)})
    jobs = [_job(options, instance, "validate", {}) for instance in instances]
    return _carry_out(options, batch, jobs, "Validation")


def _evaluate(options: argparse.Namespace, instances: Sequence[Instance]) -> int:
    patches = read_predictions(options.predictions)
    known = {instance.id: instance for instance in instances}
    if strange := sorted(set(patches) - set(known)):
        raise BatchError(f"The predictions name {strange[0]}, which is not in {options.instances}.")
    if options.official:
        return run_official(instances, patches, options.out, options.workers)
    description = {
        "instances": fingerprint(options.instances),
        "predictions": fingerprint(options.predictions),
    }
    batch = Batch(options.out, "evaluate", description)
    jobs = [
        _job(options, known[name], "grade_prediction", {"patch": patch}) for name, patch in patches.items()
    ]
    return _carry_out(options, batch, jobs, "Evaluation")


def _job(
    options: argparse.Namespace,
    instance: Instance,
    work: str,
    more: Mapping[str, Any],
    *,
    seconds: float = 0,
) -> Job:
    from platformdirs import user_cache_path

    row = secret_free(instance.row) if work == "solve" else dict(instance.row)
    arguments = {
        "row": row,
        "histories": [str(path.resolve()) for path in options.repos],
        "cache": str(user_cache_path("kimi-mcp") / "swebench"),
        "environment": options.env,
        "sandboxed": not options.no_sandbox,
        "test_seconds": options.test_seconds,
        **more,
    }
    limit = seconds or 2 * options.test_seconds + 3600
    return Job(instance.id, f"kimi_mcp.swebench.works:{work}", arguments, limit)


def _engine(options: argparse.Namespace) -> Engine:
    return Ray(options.workers, options.address) if options.engine == "ray" else Local(options.workers)


def _carry_out(options: argparse.Namespace, batch: Batch, jobs: Sequence[Job], title: str) -> int:
    pace = Pace(getattr(options, "concurrency", 0), getattr(options, "rpm", 0), getattr(options, "tpm", 0))
    watching = _watch(batch, _engine(options), jobs, pace, getattr(options, "limit_host", ""), options.retry)
    tally = asyncio.run(watching)
    rows = [report.row(tally.ended[job.instance]) for job in jobs if job.instance in tally.ended]
    write_whole(batch.out / f"{batch.kind}.md", report.markdown(title, rows, len(jobs)))
    write_whole(batch.out / f"{batch.kind}.html", report.page(title, rows, len(jobs)))
    print(report.summary(rows, len(jobs)))
    print(f"Report: {batch.out / f'{batch.kind}.md'} and .html")
    return 0 if all(ended.status == "done" for ended in tally.ended.values()) else 1


async def _watch(
    batch: Batch, engine: Engine, jobs: Sequence[Job], pace: Pace, host: str, retry: bool
) -> Tally:
    tally = Tally(len(jobs))
    async with AsyncExitStack() as stack:
        if pace.concurrency or pace.requests or pace.tokens:
            server = await stack.enter_async_context(LimitServer(pace, host))
            limiter = {"address": server.address, "secret": server.secret}
            jobs = [replace(job, arguments={**job.arguments, "limiter": limiter}) for job in jobs]
        table = stack.enter_context(live_table()) if sys.stdout.isatty() else None
        events = await stack.enter_async_context(aclosing(batch.run(engine, jobs, retry=retry)))
        async for tally, ended in events:
            if table is not None:
                table.show(tally)
            else:
                _tell(tally, ended)
    return tally


def _tell(tally: Tally, ended: Ended | None) -> None:
    if ended is None:
        if tally.resumed:
            print(f"Resumed: {tally.resumed} of {tally.total} were done before.", flush=True)
        return
    row = report.row(ended)
    states = Counter(report.row(end).state for end in tally.ended.values())
    left = tally.seconds_left()
    print(
        f"{time.strftime('%H:%M:%S')}  {len(tally.ended)}/{tally.total}  {row.instance}: {row.state} "
        f"in {row.seconds:.0f} s{f' ({row.note})' if row.note else ''}  "
        f"[{', '.join(f'{count} {state}' for state, count in sorted(states.items()))}"
        f"{f'; about {left / 60:.0f} min left' if left else ''}]",
        file=sys.stdout,
        flush=True,
    )
