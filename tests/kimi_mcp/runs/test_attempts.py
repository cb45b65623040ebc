"""Which of several attempts is kept."""

from pathlib import Path

import pytest

from kimi_mcp.agent.attempts import Candidate, choose, settled
from kimi_mcp.agent.events import Evidence, Outcome, Touched
from kimi_mcp.runs.request import Request

ONE = (Touched(path="a.py", status="modified", added=1, removed=1, test=False),)
LONG = (Touched(path="a.py", status="modified", added=90, removed=1, test=False),)


def outcome(status: str = "submitted", **evidence: object) -> Outcome:
    return Outcome.model_validate(
        {"status": status, "reason": "…", "evidence": Evidence(**{"touched": ONE, **evidence})}
    )  # type: ignore[arg-type]


GOOD = outcome(reproduced_before=True, passes_after=True, passing=3)
BROKEN = outcome(reproduced_before=True, passes_after=True, passing=3, broken=("t::a",))
UNMEASURED = outcome()
NOTHING = outcome("limit", touched=())


def best(outcomes: list[Outcome]) -> int:
    return choose([Candidate(index, outcome) for index, outcome in enumerate(outcomes)]).number


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, 1),
        ({"mode": "agent"}, 3),
        ({"mode": "swarm"}, 3),
        ({"attempts": 5}, 5),
        ({"mode": "agent", "attempts": 1}, 1),
        ({"attempts": 5, "in_place": True}, 1),
        ({"mode": "agent", "protocol": "chat"}, 1),
    ],
)
def test_what_is_asked_for_is_made_and_else_what_the_mode_makes(fields: dict[str, object], most: int) -> None:
    request = Request.model_validate({"issue": "x", "root": Path("/x"), **fields})
    assert request.most_attempts() == most


def test_an_attempt_settles_when_it_is_submitted_and_measured_well() -> None:
    assert settled(GOOD)
    assert not any(settled(other) for other in (BROKEN, UNMEASURED, NOTHING, outcome("limit", passing=3)))


def test_what_was_measured_decides_and_an_empty_patch_loses_to_any_other() -> None:
    assert best([NOTHING, UNMEASURED, BROKEN, GOOD]) == 3
    assert best([BROKEN, UNMEASURED]) == 1
    assert best([NOTHING, BROKEN]) == 1
    assert best([outcome("limit", passing=1), outcome(passing=1)]) == 1


def test_of_equals_the_smaller_patch_and_then_the_earlier_is_kept() -> None:
    long = outcome(touched=LONG, reproduced_before=True, passes_after=True, passing=3)
    assert best([long, GOOD]) == 1
    assert best([GOOD, GOOD]) == 0
