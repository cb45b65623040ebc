"""`kimi-mcp swebench run|evaluate|validate INSTANCES …`: batches over SWE-bench instances."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kimi_mcp.cli.batch_flags import add_arguments
from kimi_mcp.cli.batch_watch import Shared, carry_out
from kimi_mcp.config import key_file
from kimi_mcp.swebench.batch import Batch, fingerprint
from kimi_mcp.swebench.docker_harness import run_official
from kimi_mcp.swebench.engine import Engine, Local, Ray, facing
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.graded_engine import Graded
from kimi_mcp.swebench.instances import Instance, load, secret_free
from kimi_mcp.swebench.jobs import Job
from kimi_mcp.swebench.pace import Pace
from kimi_mcp.swebench.predictions import read_predictions, write_predictions

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    """Run the action; exit code 0 when every job ended by itself, 1 otherwise. Raises `BatchError`."""
    instances = load(options.instances, options.only)
    official = options.action == "evaluate" and options.official  # brings all in its own images
    if options.env != "docker" and not options.repos and not official:
        raise BatchError(
            f"--env {options.env} checks instances out of git histories: clone {instances[0].repo}, and name the "
            "folder that holds it with --repos."
        )
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
        "attempts": options.attempts,
        "budget": {"steps": options.max_steps, "cost": options.max_cost, "seconds": options.max_time},
    }
    if options.rerank:  # named only where it is wanted, so that older batches can be gone on with
        shared["rerank"] = True
    pinned = {key: value for key, value in shared.items() if key != "host"}  # a proxy's port may change
    batch = Batch(
        options.out,
        "run",
        {
            "instances": fingerprint(options.instances),
            "env": options.env,
            "grade": options.grade,
            **pinned,
        },
    )
    more = {"run": shared, "key_file": str(key_file())}
    limit = options.max_time + 3600
    jobs = [_job(options, instance, "solve", more, seconds=limit) for instance in instances]
    engine = _engine(options)
    if options.grade:
        known = {instance.id: instance for instance in instances}
        engine = Graded(
            engine, lambda name, patch: _job(options, known[name], "grade_prediction", {"patch": patch})
        )
    try:
        code = carry_out(engine, batch, jobs, "Run", _shared(options), retry=options.retry)
    except BatchError:
        with suppress(BatchError):  # the first trouble is the one to tell
            _predict(options, batch)
        raise
    _predict(options, batch)
    return code


def _predict(options: argparse.Namespace, batch: Batch) -> None:
    """`preds.jsonl` of what is done, however the batch came to its end."""
    patches = [(name, batch.file(name, "patch.diff")) for name in batch.outcomes()]
    rows = [(name, file.read_bytes().decode("utf-8") if file.is_file() else "") for name, file in patches]
    path = options.out / "preds.jsonl"
    try:
        write_predictions(path, options.model or "kimi", rows)
    except OSError as error:
        raise BatchError(
            f"{path} cannot be written: {error.strerror}; start again with the same words."
        ) from None
    print(f"Predictions: {path}")


def _validate(options: argparse.Namespace, instances: Sequence[Instance]) -> int:
    batch = Batch(options.out, "validate", {"instances": fingerprint(options.instances), "env": options.env})
    jobs = [_job(options, instance, "validate", {}) for instance in instances]
    return _carry_out(options, batch, jobs, "Validation")


def _evaluate(options: argparse.Namespace, instances: Sequence[Instance]) -> int:
    patches = read_predictions(options.predictions)
    known = {instance.id: instance for instance in instances}
    if strange := sorted(set(patches) - set(known)):
        raise BatchError(f"The predictions name {strange[0]}, which is not in {options.instances}.")
    if options.official:
        return _tell_official(
            run_official(instances, patches, options.out, options.workers, options.test_seconds), options.out
        )
    description = {
        "instances": fingerprint(options.instances),
        "predictions": fingerprint(options.predictions),
        "env": options.env,
    }
    batch = Batch(options.out, "evaluate", description)
    jobs = [
        _job(options, known[name], "grade_prediction", {"patch": patch}) for name, patch in patches.items()
    ]
    return _carry_out(options, batch, jobs, "Evaluation")


def _tell_official(found: Mapping[str, Any], out: Path) -> int:
    """Say what the official harness found; exit code 1 where it could not grade an instance."""
    counts = ("resolved", "unresolved", "empty_patch", "error")
    states = ", ".join(f"{found[f'{name}_instances']} {name.replace('_', ' ')}" for name in counts)
    print(f"Official harness: {states} of {found['submitted_instances']} predictions")
    for name in found["error_ids"]:
        print(f"  {name}: not graded; its log is below {out / 'official' / 'logs'}")
    print(f"Report and logs: {out / 'official'}")
    return 1 if found["error_instances"] else 0


def _job(
    options: argparse.Namespace,
    instance: Instance,
    work: str,
    more: Mapping[str, Any],
    *,
    seconds: float = 0,
) -> Job:
    row = secret_free(instance.row) if work == "solve" else dict(instance.row)
    histories = [str(path.resolve()) for path in options.repos]
    arguments = {
        "row": row,
        "histories": histories,
        "environment": options.env,
        "sandboxed": not options.no_sandbox,
        "test_seconds": options.test_seconds,
        **more,
    }
    limit = seconds or 2 * options.test_seconds + 3600
    return Job(instance.id, f"kimi_mcp.swebench.works:{work}", arguments, limit, histories)


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "local":
        return Local(options.workers)
    memory = int(options.task_memory * 2**30)
    return Ray(options.workers, options.address, cpus=options.task_cpus, memory_bytes=memory)


def _shared(options: argparse.Namespace) -> Shared | None:
    """The account's limits. Without any, workers of this machine still share what the host's refusals teach."""
    pace = Pace(options.concurrency, options.rpm, options.tpm)
    limited = bool(options.concurrency or options.rpm or options.tpm)
    if options.engine == "ray" and options.address and not limited:
        return None  # no port is opened to a network unasked
    remote = options.address if options.engine == "ray" else ""
    return Shared(pace, options.limit_host or facing(remote))


def _carry_out(options: argparse.Namespace, batch: Batch, jobs: Sequence[Job], title: str) -> int:
    return carry_out(_engine(options), batch, jobs, title, None, retry=options.retry)
