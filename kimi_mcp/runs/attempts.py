"""Several attempts at one issue: the next one only where the last one's own evidence does not stand."""

from collections.abc import Sequence

from kimi_mcp.agent.events import Outcome


def settled(outcome: Outcome) -> bool:
    """Whether no further attempt is needed: submitted, and what was measured speaks for it."""
    return outcome.status == "submitted" and outcome.evidence.verified


def best(outcomes: Sequence[Outcome]) -> int:
    """The index of the attempt to keep; the earliest of equals.

    By what the harness measured, in this order: verified; nothing broken; the reproduction passes and failed
    before; submitted; tests fixed; fewer tests failing; a smaller patch, as long as there is one.
    """
    return max(range(len(outcomes)), key=lambda index: (*_rank(outcomes[index]), -index))


def _rank(outcome: Outcome) -> tuple[float, ...]:
    evidence = outcome.evidence
    lines = sum(item.added + item.removed for item in evidence.touched)
    return (
        bool(evidence.touched),
        settled(outcome),
        not evidence.broken,
        evidence.passes_after is True and evidence.reproduced_before is True,
        outcome.status == "submitted",
        len(evidence.fixed),
        -len(evidence.failing),
        -lines,
    )
