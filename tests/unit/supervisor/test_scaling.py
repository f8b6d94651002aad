"""How many workers are wanted: more when requests wait, fewer when it is quiet, without a swing."""

from __future__ import annotations

from itertools import pairwise

from tricorn.supervisor.scaling import Load, Scaler


class Machine:
    """Workers that wait and compute as told, looked at once a second."""

    def __init__(self, least: int, most: int) -> None:
        self.scaler = Scaler(least, most, up_after=0.1, down_after=60.0)
        self.wanted = least
        self.now = 0.0
        self.cpu = 0.0
        self.reasons: list[str] = []

    def run(self, seconds: int, ages: list[float], *, busy: float = 0.0) -> int:
        """So many looks; each worker has the age at its place, or the last one."""
        for _ in range(seconds):
            self.now += 1.0
            self.cpu += busy
            loads = {
                100 + number: Load(ages[min(number, len(ages) - 1)], self.cpu)
                for number in range(self.wanted)
            }
            self.wanted, why = self.scaler.look(loads, self.wanted, self.now)
            if why:
                self.reasons.append(why)
        return self.wanted


def test_a_worker_is_added_when_requests_wait() -> None:
    machine = Machine(1, 3)
    assert machine.run(1, [0.5]) == 1, "once may be chance"
    assert machine.run(1, [0.5]) == 2
    assert machine.run(2, [0.5]) == 3
    assert machine.run(60, [0.5]) == 3, "that is the most"
    assert machine.reasons == ["requests wait for more than 100 ms"] * 2


def test_one_busy_worker_of_many_is_no_reason() -> None:
    machine = Machine(4, 8)
    assert machine.run(600, [0.5, 0.0]) == 4
    assert machine.run(2, [0.5, 0.5, 0.0]) == 5


def test_a_short_wait_is_no_reason() -> None:
    machine = Machine(1, 3)
    for _ in range(20):
        assert machine.run(1, [0.5]) == 1
        assert machine.run(1, [0.05]) == 1


def test_it_shrinks_when_it_is_quiet() -> None:
    machine = Machine(1, 3)
    machine.run(4, [1.0])
    assert machine.run(60, [0.0]) == 3
    assert machine.run(1, [0.0]) == 2
    assert machine.run(70, [0.0]) == 1
    assert machine.run(1000, [0.0]) == 1, "that is the least"


def test_it_does_not_shrink_while_the_processors_are_needed() -> None:
    machine = Machine(1, 2)
    machine.run(2, [1.0])
    assert machine.run(600, [0.0], busy=0.5) == 2
    assert machine.run(130, [0.0], busy=0.3) == 1


def test_a_wrong_retirement_makes_the_next_one_slower() -> None:
    machine = Machine(1, 2)
    waits = []
    for _ in range(5):
        machine.run(2, [1.0])
        assert machine.wanted == 2
        begun = machine.now
        while machine.wanted == 2:
            machine.run(1, [0.0])
        waits.append(machine.now - begun)
    assert waits[0] < 70
    assert all(later > 1.8 * earlier for earlier, later in pairwise(waits))


def test_nothing_is_decided_while_a_worker_starts() -> None:
    scaler = Scaler(1, 3, up_after=0.1, down_after=60.0)
    for second in range(100):
        assert scaler.look({1: Load(1.0, 0.0)}, 2, float(second)) == (2, "")
