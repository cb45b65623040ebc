"""Grading as soon as there is something to grade: a batch that tells `resolved` while it runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Self

from kimi_mcp.swebench.engine import Engine
from kimi_mcp.swebench.jobs import Ended, Job


class Graded:
    """An engine whose workers grade what they solved, in a second job: the solver's process is told no verdict.

    `grading` makes that job of an instance's id and its patch.
    """

    def __init__(self, engine: Engine, grading: Callable[[str, str], Job]) -> None:
        self.workers = engine.workers
        self._engine = engine
        self._grading = grading

    async def perform(self, job: Job) -> Ended:
        """As `Engine.perform`; the outcome holds the verdict too. Where none could be had, its error says why."""
        solved = await self._engine.perform(job)
        if solved.status != "done":
            return solved
        graded = await self._engine.perform(self._grading(job.instance, solved.files.get("patch.diff", "")))
        whole = replace(
            solved,
            seconds=solved.seconds + graded.seconds,
            facts={**solved.facts, **{name: graded.facts[name] for name in _VERDICT if name in graded.facts}},
            files={**solved.files, **graded.files},
        )
        if graded.status != "done":
            return replace(whole, error=f"not graded: {graded.error}")
        return whole

    async def __aenter__(self) -> Self:
        await self._engine.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.__aexit__()


_VERDICT = ("resolved", "verdict", "suspicions")
