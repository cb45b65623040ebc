"""The Ray engine on a real cluster of processes on this machine, one of which is killed."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimi_mcp.swebench.batch import Batch
from kimi_mcp.swebench.engine import Local, Ray
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job

WORKS = "tests.kimi_mcp.swebench.works_for_tests"
ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(400)
starts_a_cluster = pytest.mark.skipif(
    "KIMI_MCP_TEST_RAY" not in os.environ,
    reason="KIMI_MCP_TEST_RAY is not set: a cluster of three nodes takes half a minute of an idle machine",
)


def jobs(ledger: Path, seconds: float) -> list[Job]:
    arguments = {"ledger": str(ledger), "seconds": seconds}
    good = [Job(f"i{n}", f"{WORKS}:note", {**arguments, "name": f"i{n}"}, 60) for n in range(8)]
    return [*good, Job("bad", f"{WORKS}:refuse", {}, 60)]


def outcomes(ended: dict[str, Ended]) -> dict[str, Any]:
    return {name: (end.status, end.error, dict(end.facts)) for name, end in sorted(ended.items())}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without work, and two nodes of one processor each."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_health_check_period_ms", "500")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "3")
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False},
    )
    for _ in range(2):
        made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


@starts_a_cluster
def test_a_killed_node_changes_nothing_in_the_result(cluster: Any, tmp_path: Path) -> None:
    here = asyncio.run(finish(Batch(tmp_path / "local", "solve", {}), Local(2), jobs(tmp_path / "a", 0.1)))
    nodes = list(cluster.worker_nodes)

    def kill_one(ended: int) -> None:
        if ended == 2 and len(cluster.worker_nodes) == len(nodes):
            cluster.remove_node(nodes[0], allow_graceful=False)

    ray_batch = Batch(tmp_path / "ray", "solve", {})
    there = asyncio.run(finish(ray_batch, Ray(2, cluster.address), jobs(tmp_path / "b", 0.5), kill_one))
    assert len(cluster.worker_nodes) == 1
    assert outcomes(there) == outcomes(here)
    assert sorted(path.stem for path in ray_batch.folder.glob("*.json")) == sorted(here)


@starts_a_cluster
def test_a_hang_and_a_crash_leave_the_good_ones_alone_and_an_unfit_node_stops_the_batch(
    cluster: Any, tmp_path: Path
) -> None:
    good = jobs(tmp_path / "ledger", 0.1)[:2]
    hangs = Job("hangs", f"{WORKS}:hang", {"pids": str(tmp_path / "pids")}, 5)
    killed = Job("killed", f"{WORKS}:killed", {}, 60)
    todo = [hangs, killed, *good]
    ended = asyncio.run(finish(Batch(tmp_path / "out", "solve", {}), Ray(2, cluster.address), todo))
    assert {name: end.status for name, end in ended.items()} == {
        "hangs": "timed_out",
        "killed": "crashed",
        "i0": "done",
        "i1": "done",
    }
    assert (tmp_path / "ledger").read_text().split() == ["i0", "i1"]
    unfit = replace(good[0], needs=[str(tmp_path / "repos")])
    with pytest.raises(BatchError, match=r"has no folder .*/repos, which --repos names"):
        asyncio.run(finish(Batch(tmp_path / "other", "solve", {}), Ray(2, cluster.address), [unfit]))


async def finish(
    batch: Batch, engine: Any, todo: list[Job], after: Any = lambda ended: None
) -> dict[str, Ended]:
    async for tally, _ in batch.run(engine, todo):
        after(len(tally.rows))
    return batch.outcomes()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_told_in_a_sentence(address: str) -> None:
    async def go() -> None:
        async with Ray(1, address):
            raise AssertionError("nothing can run here")

    with pytest.raises(BatchError, match=f"The Ray cluster '{address}' cannot be joined"):
        asyncio.run(go())
