"""A batch of real instances, killed in the middle and resumed, here and on a Ray cluster that loses a node.

    uv run python -m tests.bench.swebench_batch INSTANCES --repos DIR --out DIR [--only IDS] [--skip-ray]

A scripted model (tests.kimi_mcp.swebench.author) resolves the instances through the simulated endpoint. Printed: what
was done before and after the kill, whether each instance was done exactly once, and the verdict of every prediction.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kimi_mcp.swebench.instances import load
from tests.kimi_api import KimiApi
from tests.kimi_mcp.swebench.author import Author

VARIED = (
    "django__django-11099,django__django-11133,django__django-11179,django__django-11815,pallets__flask-5063,"
    "pytest-dev__pytest-5103,pylint-dev__pylint-6506,sphinx-doc__sphinx-7748,sympy__sympy-12419,"
    "sympy__sympy-17630,sphinx-doc__sphinx-8265,django__django-13551"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("instances", type=Path)
    parser.add_argument("--repos", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default=VARIED)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--skip-ray", action="store_true")
    options = parser.parse_args()
    only = options.only.split(",")
    with KimiApi(Author(load(options.instances, only)), keep_bodies=2) as api:
        local = sitting(options, api.url, "local", kill_at=len(only) // 2)
        print(json.dumps(local, indent=1))
        if not options.skip_ray:
            on_ray = with_cluster(options, api.url)
            print(json.dumps(on_ray, indent=1))
            print("the same verdicts on both engines:", local["verdicts"] == on_ray["verdicts"])


def command(options: argparse.Namespace, action: str, out: Path, *more: str) -> list[str]:
    common = [
        "--repos",
        options.repos,
        "--only",
        options.only,
        "--workers",
        options.workers,
        "--out",
        str(out),
    ]
    return [sys.executable, "-m", "kimi_mcp", "swebench", action, *more, *common]


def run_command(options: argparse.Namespace, url: str, out: Path, *more: str) -> list[str]:
    model = ["--host", url, "--model", "kimi-k2.6"]
    return command(options, "run", out, str(options.instances), *model, *more)


def sitting(options: argparse.Namespace, url: str, name: str, kill_at: int) -> dict[str, Any]:
    """Run, SIGKILL the driver once `kill_at` outcomes are kept, resume, grade."""
    out = options.out / name
    started = time.monotonic()
    driver = subprocess.Popen(run_command(options, url, out), stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    for line in driver.stdout:
        print("  ", line, end="", flush=True)
        if f"[{kill_at}/" in line:
            break
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = stamps(out)
    resumed = subprocess.run(run_command(options, url, out), capture_output=True, text=True, check=False)
    print(resumed.stdout, resumed.stderr[-2000:])
    after = stamps(out)
    return {
        "engine": name,
        "kept when killed": len(kept),
        "kept outcomes left untouched by the second sitting": all(after.get(k) == v for k, v in kept.items()),
        "instances with an outcome": len(after),
        "seconds": round(time.monotonic() - started),
        **graded(options, out),
    }


def with_cluster(options: argparse.Namespace, url: str) -> dict[str, Any]:
    """The same batch on a cluster of a head and two nodes; one node is killed after three outcomes."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_health_check_period_ms": "500"}
    os.environ |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    out = options.out / "ray"
    started = time.monotonic()
    more = ["--engine", "ray", "--address", cluster.address]
    driver = subprocess.Popen(run_command(options, url, out, *more), stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    for line in driver.stdout:
        print("  ", line, end="", flush=True)
        if "[3/" in line and len(cluster.worker_nodes) == 2:
            cluster.remove_node(nodes[0], allow_graceful=False)
            print("   one node of two killed", flush=True)
    driver.wait()
    left = len(cluster.worker_nodes)
    cluster.shutdown()
    facts = {"engine": "ray", "nodes left": left, "instances with an outcome": len(stamps(out))}
    return {**facts, "seconds": round(time.monotonic() - started), **graded(options, out)}


def stamps(out: Path) -> dict[str, int]:
    """When each outcome was written; an outcome written twice has a new stamp."""
    return {path.stem: path.stat().st_mtime_ns for path in sorted((out / "run").glob("*.json"))}


def graded(options: argparse.Namespace, out: Path) -> dict[str, Any]:
    predictions = out / "preds.jsonl"
    lines = [json.loads(line) for line in predictions.read_text().split("\n") if line]
    evaluate = command(options, "evaluate", out, str(predictions), "--instances", str(options.instances))
    done = subprocess.run(evaluate, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr[-2000:])
    verdicts = {
        path.stem: json.loads(path.read_text())["facts"].get("resolved")
        for path in sorted((out / "evaluate").glob("*.json"))
    }
    return {
        "predictions": len(lines),
        "predictions named once": len({line["instance_id"] for line in lines}) == len(lines),
        "resolved": sum(bool(verdict) for verdict in verdicts.values()),
        "verdicts": verdicts,
    }


if __name__ == "__main__":
    main()
