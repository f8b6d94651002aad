"""The steps that a request which takes too long goes through: each once, in order, in time."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tricorn import Config
from tricorn.worker.overdue import GRACE, Overdue, Step


def test_nothing_is_planned_by_default() -> None:
    assert Overdue.of(Config.make().process) is None


def test_a_slow_request_is_told_once() -> None:
    overdue: Overdue[str] = Overdue(slow=2.0, timeout=0.0)
    assert overdue.look({"a": 1.9}) == []
    assert overdue.look({"a": 2.0, "b": 0.0}) == [("a", Step.TELL)]
    assert overdue.look({"a": 90.0}) == []


def test_the_whole_way() -> None:
    overdue: Overdue[str] = Overdue(slow=1.0, timeout=3.0)
    assert overdue.look({"a": 1.0}) == [("a", Step.TELL)]
    assert overdue.look({"a": 2.9}) == []
    assert overdue.look({"a": 3.5}) == [("a", Step.INTERRUPT)]
    assert overdue.look({"a": 3.4 + GRACE}) == []
    assert overdue.look({"a": 3.5 + GRACE}) == [("a", Step.GIVE_UP)]
    assert overdue.look({"a": 99.0}) == []


def test_a_request_to_be_interrupted_need_not_be_called_slow() -> None:
    overdue: Overdue[str] = Overdue(slow=5.0, timeout=3.0)
    assert overdue.look({"a": 6.0}) == [("a", Step.INTERRUPT)]


def test_one_that_has_ended_is_forgotten() -> None:
    overdue: Overdue[str] = Overdue(slow=1.0, timeout=0.0)
    assert overdue.look({"a": 1.0}) == [("a", Step.TELL)]
    assert overdue.look({}) == []
    assert overdue.look({"a": 1.0}) == [("a", Step.TELL)]


def test_an_interruption_that_did_not_work_is_tried_again() -> None:
    overdue: Overdue[str] = Overdue(slow=1.0, timeout=2.0)
    assert overdue.look({"a": 2.0}) == [("a", Step.TELL), ("a", Step.INTERRUPT)]
    overdue.undo("a")
    assert overdue.look({"a": 2.0}) == [("a", Step.INTERRUPT)]


@given(
    slow=st.sampled_from([0.0, 0.5, 2.0]),
    timeout=st.sampled_from([0.0, 1.0, 2.0]),
    starts=st.lists(st.floats(0, 5), min_size=1, max_size=5),
)
def test_no_step_is_late(slow: float, timeout: float, starts: list[float]) -> None:
    """Whoever looks when it is told to is behind by one shortest rest at most."""
    if not slow and not timeout:
        return
    overdue: Overdue[int] = Overdue(slow, timeout)
    now, done = 0.0, []
    while now < 12.0:
        now += overdue.rest
        held = {number: now - start for number, start in enumerate(starts) if start <= now}
        for number, step in overdue.look(held):
            wanted = {Step.TELL: slow, Step.INTERRUPT: timeout}.get(step, math.inf)
            assert held[number] < wanted + 0.051
            done.append((number, step))
    assert len(done) == len(set(done))
    last = Step.GIVE_UP if timeout else Step.TELL
    assert {number for number, step in done if step is last} == set(range(len(starts)))
