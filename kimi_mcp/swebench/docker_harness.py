"""`evaluate --official`: swebench's own harness, in its own containers, on our predictions."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench import official
from kimi_mcp.swebench.batch import write_whole
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.instances import Instance
from kimi_mcp.swebench.predictions import write_predictions

_MODEL = "kimi-mcp"


def run_official(
    instances: Sequence[Instance], patches: Mapping[str, str], out: Path, workers: int, seconds: float
) -> Mapping[str, Any]:
    """Write the rows and predictions where the harness wants them, run it, and return its report.

    `seconds`: of one test run. All that it wrote is below `<out>/official`; a run that was stopped goes on. Raises
    `BatchError` where no Docker answers, for rows that it cannot grade, and where it fails, with the reason.
    """
    chosen = [instance for instance in instances if instance.id in patches]
    if strange := [one.id for one in chosen if official.specs(one.repo, one.version) is None]:
        raise BatchError(
            f"swebench 4.1 cannot grade {strange[0]}{f' and {len(strange) - 1} more' if strange[1:] else ''}: it does "
            "not know the repository in this version; grade without --official."
        )
    if reason := official.docker_trouble():
        raise BatchError(f"No Docker answers here ({reason}); grade without --official, or start Docker.")
    folder = out / "official"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "instances.json", json.dumps([official_row(one) for one in chosen]))
    write_predictions(folder / "preds.jsonl", _MODEL, patches.items())
    # its results are kept by this id: other predictions need another one
    run_id = f"kimi-mcp-{hashlib.sha256((folder / 'preds.jsonl').read_bytes()).hexdigest()[:12]}"
    command = [sys.executable, "-W", "ignore", "-m", "swebench.harness.run_evaluation", "--run_id", run_id]
    command += ["--dataset_name", "instances.json", "--predictions_path", "preds.jsonl"]
    command += ["--max_workers", str(max(1, workers)), "--timeout", str(int(seconds))]
    with (folder / "harness.log").open("wb") as log:
        code = subprocess.run(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    report = folder / f"{_MODEL}.{run_id}.json"
    if code != 0 or not report.is_file():
        lines = (folder / "harness.log").read_text("utf-8", "replace").strip().splitlines() or [
            "it said nothing"
        ]
        raise BatchError(f"The official harness failed: {lines[-1][:300]} (see {folder / 'harness.log'}).")
    return cast(dict[str, Any], json.loads(report.read_text("utf-8")))


def official_row(instance: Instance) -> dict[str, object]:
    """The row in the one format that swebench 4.1 takes."""
    return {
        **instance.row,
        "version": instance.version,
        "patch": instance.gold_patch,
        "test_patch": instance.test_patch,
        "FAIL_TO_PASS": list(instance.fail_to_pass),
        "PASS_TO_PASS": [name for name in instance.pass_to_pass if name not in instance.excluded],
    }
