"""When new code is trusted."""

from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn.supervisor.trial import Counts, Tally, Trial

ROLLOUT = Config.make(
    workers=2, rollback_errors=10, rollback_after=100, rollback_window="30s"
).rollout
BEGUN = 1000.0

OPEN, GOOD, BAD = "open", "good", "bad"


def trial(old: Counts, new: Counts, before: Counts | None = None) -> Trial:
    """One worker of each; ``before`` is what the old one had when the trial began."""
    tallies = Tally({1: before or Counts()}), Tally({})
    tallies[0].look({1: old})
    tallies[1].look({2: new})
    return Trial(ROLLOUT, BEGUN, *tallies)


def judged(one: Trial, seconds: float) -> str:
    """The verdict after so many seconds."""
    return {None: OPEN, "": GOOD}.get(one.verdict(BEGUN + seconds), BAD)


@pytest.mark.parametrize(
    ("old", "new", "seconds", "expected"),
    [
        (Counts(1000, 0), Counts(99, 99), 29.9, OPEN),
        (Counts(1000, 0), Counts(100, 0), 1.0, GOOD),
        (Counts(1000, 0), Counts(100, 10), 1.0, GOOD),
        (Counts(1000, 0), Counts(100, 11), 1.0, BAD),
        (Counts(1000, 500), Counts(100, 60), 1.0, GOOD),
        (Counts(1000, 500), Counts(100, 61), 1.0, BAD),
        # The old code, hardly asked, may show yet that the fault is not the new one's.
        (Counts(0, 0), Counts(100, 50), 1.0, OPEN),
        (Counts(0, 0), Counts(100, 50), 30.0, BAD),
        (Counts(1000, 0), Counts(19, 19), 30.0, GOOD),
        (Counts(1000, 0), Counts(20, 20), 30.0, BAD),
        (Counts(1000, 0), Counts(0, 0), 30.0, GOOD),
    ],
)
def test_verdicts(old: Counts, new: Counts, seconds: float, expected: str) -> None:
    assert judged(trial(old, new), seconds) == expected


@pytest.mark.parametrize(
    ("before", "old", "new", "expected"),
    [
        # A database that is away now costs both the same, however well the old code did before.
        (Counts(10_000, 0), Counts(10_100, 50), Counts(100, 50), GOOD),
        # What the old code did wrong long ago is no excuse.
        (Counts(10_000, 5000), Counts(10_100, 5000), Counts(100, 50), BAD),
        # Nobody has asked the old code meanwhile.
        (Counts(10_000, 0), Counts(10_000, 0), Counts(100, 50), OPEN),
    ],
)
def test_the_same_time_is_compared(before: Counts, old: Counts, new: Counts, expected: str) -> None:
    assert judged(trial(old, new, before), 1.0) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Counts(10, 0), Counts(0, 0, late=10), BAD),
        (Counts(0, 0), Counts(0, 0, late=10), BAD),
        (Counts(10, 0), Counts(0, 0, late=1), BAD),  # a loop that is blocked takes no second one
        (Counts(10, 0, late=10), Counts(10, 0, late=10), GOOD),  # it waits for events
        (Counts(0, 0), Counts(0, 0, late=1), GOOD),  # so it may
        (Counts(10, 0), Counts(200, 0, late=1), GOOD),
    ],
)
def test_answers_that_do_not_come(old: Counts, new: Counts, expected: str) -> None:
    assert judged(trial(old, new), 30.0) == expected


def test_workers_that_end_meanwhile_count() -> None:
    tally = Tally({1: Counts(100, 1)})
    tally.look({1: Counts(110, 3), 2: Counts(5, 0)})
    tally.look({2: Counts(7, 1)})
    assert tally.window() == Counts(17, 3)
    assert tally.life() == Counts(117, 4)


def test_the_reason_has_the_figures() -> None:
    reason = trial(Counts(1000, 20), Counts(100, 40)).verdict(BEGUN)
    assert reason is not None
    assert "40 % of its first 100 responses" in reason
    assert "2 % of the old" in reason


def test_few_responses_are_enough_if_that_is_asked_for() -> None:
    rollout = Config.make(workers=2, rollback_errors=10, rollback_after=5).rollout
    tallies = Tally({}), Tally({})
    tallies[1].look({2: Counts(5, 5)})
    assert Trial(rollout, 0.0, *tallies).verdict(30.0)
