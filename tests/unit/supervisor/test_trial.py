"""When new code is trusted."""

from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn.supervisor.trial import Counts, Trial

ROLLOUT = Config.make(rollback_errors=10, rollback_after=100, rollback_window="30s").rollout
TRIAL = Trial(ROLLOUT, begun=1000.0)

OPEN, GOOD, BAD = "open", "good", "bad"


@pytest.mark.parametrize(
    ("old", "new", "seconds", "expected"),
    [
        (Counts(1000, 0), Counts(99, 99), 29.9, OPEN),
        (Counts(1000, 0), Counts(100, 0), 1.0, GOOD),
        (Counts(1000, 0), Counts(100, 10), 1.0, GOOD),
        (Counts(1000, 0), Counts(100, 11), 1.0, BAD),
        (Counts(1000, 500), Counts(100, 60), 1.0, GOOD),
        (Counts(1000, 500), Counts(100, 61), 1.0, BAD),
        (Counts(0, 0), Counts(100, 50), 1.0, BAD),
        (Counts(1000, 0), Counts(19, 19), 30.0, GOOD),
        (Counts(1000, 0), Counts(20, 20), 30.0, BAD),
        (Counts(1000, 0), Counts(0, 0), 30.0, GOOD),
    ],
)
def test_verdicts(old: Counts, new: Counts, seconds: float, expected: str) -> None:
    verdict = TRIAL.verdict(old, new, TRIAL.begun + seconds)
    assert {None: OPEN, "": GOOD}.get(verdict, BAD) == expected


def test_the_reason_has_the_figures() -> None:
    reason = TRIAL.verdict(Counts(1000, 20), Counts(100, 40), TRIAL.begun)
    assert reason is not None
    assert "40 % of its first 100 responses" in reason
    assert "2 % of the old" in reason


def test_few_responses_are_enough_if_that_is_asked_for() -> None:
    rollout = Config.make(rollback_errors=10, rollback_after=5).rollout
    assert Trial(rollout, 0.0).verdict(Counts(5, 0), Counts(5, 5), 1.0)
