"""`evaluate --official`: swebench's own harness, in its own containers, on our predictions."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kimi_mcp.swebench.batch import write_predictions, write_whole
from kimi_mcp.swebench.container import engine
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.instances import Instance

RUN_ID = "kimi-mcp"


def run_official(instances: Sequence[Instance], patches: Mapping[str, str], out: Path, workers: int) -> int:
    """Write the rows and predictions where the harness wants them and run it; its exit code is returned.

    Its report and logs are below `<out>/official`. Raises `BatchError` where no container engine answers.
    """
    asked = subprocess.run([engine(), "info"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        said = (asked.stderr.strip() or "it gave no reason").splitlines()[0]
        raise BatchError(
            f"No container engine answers here ({said}); grade without --official, or start Docker."
        )
    folder = out / "official"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [official_row(instance) for instance in instances if instance.id in patches]
    write_whole(folder / "instances.json", json.dumps(rows))
    write_predictions(folder / "preds.jsonl", "kimi-mcp", patches.items())
    command = [sys.executable, "-m", "swebench.harness.run_evaluation", "--run_id", RUN_ID]
    command += ["--dataset_name", "instances.json", "--predictions_path", "preds.jsonl"]
    command += ["--max_workers", str(max(1, workers))]
    return subprocess.run(command, cwd=folder, check=False).returncode


def official_row(instance: Instance) -> dict[str, object]:
    """The row in the one format that swebench 4.1 takes."""
    return {
        **instance.row,
        "patch": instance.gold_patch,
        "test_patch": instance.test_patch,
        "FAIL_TO_PASS": list(instance.fail_to_pass),
        "PASS_TO_PASS": list(instance.pass_to_pass),
    }
