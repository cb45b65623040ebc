"""Choosing among attempts: by what was measured, then by agreement, then the smallest change."""

from kimi_mcp.agent.attempts import Candidate, change, choose, worthwhile
from kimi_mcp.agent.events import Evidence, Outcome

GOOD = Evidence(reproduced_before=True, passes_after=True, passing=3)


def outcome(patch: str = "+x", **evidence: object) -> Outcome:
    known = Evidence.model_validate(evidence) if evidence else Evidence()
    return Outcome(status="submitted", reason="", patch=patch, evidence=known)


def patch(line: str, place: int = 1) -> str:
    return f"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -{place} +{place} @@\n-old\n+{line}\n"


def chosen(*outcomes: Outcome, crossed: tuple[int, ...] = ()) -> int:
    found = crossed or (0,) * len(outcomes)
    return choose(
        [Candidate(n, o, c) for n, (o, c) in enumerate(zip(outcomes, found, strict=True), 1)]
    ).number


def test_a_verified_patch_wins_over_one_that_is_only_submitted() -> None:
    verified = outcome(reproduced_before=True, passes_after=True, passing=3)
    assert chosen(outcome(), verified, outcome()) == 2


def test_any_patch_wins_over_none_and_a_broken_test_loses() -> None:
    assert chosen(outcome(""), outcome()) == 2
    assert chosen(outcome(broken=("t",), passing=1), outcome(failing=("t",))) == 2


def test_passing_the_others_reproductions_counts_before_agreement() -> None:
    one, two = patch("new"), patch("other")
    assert chosen(outcome(one), outcome(one), outcome(two), crossed=(0, 0, 2)) == 3
    assert chosen(outcome(two), outcome(one), outcome(one)) == 2


def test_equal_changes_are_one_whatever_their_place_space_and_tests() -> None:
    assert change(patch("a  =  1")) == change(patch("a = 1", place=9))
    with_test = patch("a = 1") + "diff --git a/tests/t.py b/tests/t.py\n+++ b/tests/t.py\n+assert True\n"
    assert change(with_test) == change(patch("a = 1"))
    assert change(patch("a = 1")) != change(patch("a = 2"))


def test_nothing_is_tried_again_that_is_verified_or_was_stopped_from_outside() -> None:
    assert worthwhile(outcome())
    assert not worthwhile(Outcome(status="submitted", reason="", evidence=GOOD))
    assert not worthwhile(Outcome(status="cancelled", reason=""))
    assert not worthwhile(Outcome(status="model_failed", reason=""))
