"""Choosing among several attempts at one issue by what was measured, never by a model's taste.

Execution checks and agreement between independent attempts each saturate alone (R2E-Gym: about 43 each, 51
together); so both count: what the harness measured, whether the fix passes the reproductions that the other
attempts wrote, and how many attempts came to the same change.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_mcp.agent.events import Outcome

MOST = 3
"""Attempts at one issue in the modes that make several, the first included; the gain is log-linear and every
attempt is paid for."""

HINTS = (
    "An earlier attempt at this issue could not be verified. Do not guess what it did. Find the cause yourself: "
    "follow the failing behaviour from its entry point down, and check each assumption with a command.",
    "Earlier attempts at this issue could not be verified. Before you edit, list at least three places where the "
    "cause could be, test each with a small experiment, and only then choose.",
)
"""What the second and the later attempts are told beside the issue, so that they do not repeat the first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempt. `crossed`: of the reproductions that other attempts wrote, how many it passes."""

    number: int
    outcome: Outcome
    crossed: int = 0


def settled(outcome: Outcome) -> bool:
    """Whether no further attempt is needed: submitted, and what was measured speaks for it."""
    return outcome.status == "submitted" and outcome.evidence.verified


def worthwhile(outcome: Outcome) -> bool:
    """Whether another attempt may help: the model ended by itself, and nothing proves its patch."""
    return outcome.status in ("submitted", "stuck") and not settled(outcome)


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """The best attempt; the earlier one where nothing tells them apart."""
    votes = Counter(change(candidate.outcome.patch) for candidate in candidates)

    def merit(candidate: Candidate) -> tuple[object, ...]:
        outcome = candidate.outcome
        known = outcome.evidence
        return (
            bool(outcome.patch or known.touched),
            settled(outcome),
            -len(known.broken),
            known.passes_after is True and known.reproduced_before is True,
            candidate.crossed,
            outcome.status == "submitted",
            votes[change(outcome.patch)],
            len(known.fixed),
            -len(known.failing),
            -sum(file.added + file.removed for file in known.touched),
            -candidate.number,
        )

    return max(candidates, key=merit)


def change(patch: str) -> str:
    """A patch without what does not matter: places, context, tests, blank lines and the width of space."""
    kept: list[str] = []
    name = ""
    for line in patch.splitlines():
        if line.startswith("diff --git "):
            name = line.rpartition(" b/")[2]
        elif line[:1] in "+-" and line[:3] not in ("+++", "---") and (words := line[1:].split()):
            kept.append(f"{name} {line[0]}{' '.join(words)}")
    return "\n".join(line for line in kept if not re.search(r"(^|/)tests?[/_.]|_test\.", line.split()[0]))
