"""Random histories of a fleet: nothing is lost, nothing is started that should not be."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tricorn.supervisor.fleet import Fleet, State, Worker
from tricorn.supervisor.patience import Patience
from tricorn.supervisor.policy import (
    Kill,
    Plan,
    Retire,
    Spawn,
    decide,
    is_old,
    wake_at,
)

GRACE = 10.0
BOOT = 20.0


class Histories(RuleBasedStateMachine):
    """A fleet whose processes live and die at random; decisions are carried out at once."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        self.plan = Plan(wanted=2, generation=1, graceful_timeout=GRACE, boot_timeout=BOOT)
        self.now = 0.0
        self.pids = 0
        self.alive: set[int] = set()
        self.wanted_most = 2
        self.peak_allowed = 0
        self.act()

    def act(self) -> None:
        """Carry decisions out until there are none, as the supervisor does."""
        for turn in range(4):
            actions = decide(self.fleet, self.plan, self.now)
            actions = [one for one in actions if not self.is_repeated(one)]
            if not actions:
                return
            assert turn < 3, f"decisions that never end: {actions}"
            for action in actions:
                self.carry_out(action)

    def is_repeated(self, action: Spawn | Retire | Kill) -> bool:
        return isinstance(action, Kill) and bool(self.fleet.workers[action.pid].killed)

    def carry_out(self, action: Spawn | Retire | Kill) -> None:
        match action:
            case Spawn(number, seat):
                assert not self.plan.stopping, "started after the stop"
                assert self.now >= self.plan.not_before
                self.pids += 1
                self.alive.add(self.pids)
                assert 0 <= seat < self.plan.wanted
                self.fleet.spawned(self.pids, number, self.plan.generation, self.now, seat)
                staying = len(self.fleet.staying())
                assert staying <= self.plan.wanted + self.plan.surge
            case Retire(pid, until, why):
                worker = self.fleet.workers[pid]
                assert worker.state is not State.DRAINING, "told twice"
                assert why
                assert until >= self.now + GRACE
                self.check_capacity(worker)
                self.fleet.retired(pid, until)
            case Kill(pid, why):
                assert why
                self.fleet.workers[pid].killed = why

    def check_capacity(self, leaving: Worker) -> None:
        """A ready worker goes only if enough others are ready; unless all are to go."""
        if self.plan.stopping or leaving.state is not State.READY:
            return
        if self.plan.at_once and is_old(leaving, self.plan):
            return
        ready = [one for one in self.fleet.staying() if one.state is State.READY]
        assert len(ready) > self.plan.wanted
        seats = [one.seat for one in ready]
        assert leaving.seat >= self.plan.wanted or seats.count(leaving.seat) > 1, "an empty seat"

    def pick(self, data: st.DataObject, state: State | None = None) -> Worker | None:
        pids = sorted(
            pid for pid, one in self.fleet.workers.items() if state is None or one.state is state
        )
        return self.fleet.workers[data.draw(st.sampled_from(pids))] if pids else None

    @rule(data=st.data())
    def one_answers(self, data: st.DataObject) -> None:
        if worker := self.pick(data, State.BOOTING):
            self.fleet.ready(worker.pid, self.now)
            self.act()

    @rule(data=st.data())
    def one_dies(self, data: st.DataObject) -> None:
        if worker := self.pick(data):
            self.fleet.gone(worker.pid)
            self.alive.discard(worker.pid)
            self.act()

    @rule(data=st.data())
    def one_is_worn(self, data: st.DataObject) -> None:
        if worker := self.pick(data, State.READY):
            worker.worn = "it has served enough"
            self.act()

    @precondition(lambda self: not self.plan.stopping)
    @rule(wanted=st.integers(0, 6))
    def another_number_is_wanted(self, wanted: int) -> None:
        self.change(wanted=wanted)

    @precondition(lambda self: not self.plan.stopping)
    @rule(surge=st.integers(1, 3))
    def reload(self, surge: int) -> None:
        self.change(generation=self.plan.generation + 1, surge=surge)

    @rule(at_once=st.booleans())
    def development(self, at_once: bool) -> None:
        self.change(at_once=at_once)

    @precondition(lambda self: self.plan.generation > 1 and not self.plan.stopping)
    @rule()
    def roll_back(self) -> None:
        self.change(generation=self.plan.generation - 1, on_trial=False)

    @rule(on_trial=st.booleans())
    def trial(self, on_trial: bool) -> None:
        self.change(on_trial=on_trial)

    @rule(seconds=st.sampled_from([0.1, GRACE, BOOT]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds
        self.act()

    @rule(delay=st.sampled_from([0.5, 5.0]))
    def starts_wait(self, delay: float) -> None:
        self.change(not_before=self.now + delay)

    @rule()
    def stop(self) -> None:
        self.change(stopping=True)

    def change(self, **changes: object) -> None:
        from dataclasses import replace

        self.plan = replace(self.plan, **changes)  # type: ignore[arg-type]
        self.act()

    @invariant()
    def every_process_is_known(self) -> None:
        assert set(self.fleet.workers) == self.alive

    @invariant()
    def places_are_used_once(self) -> None:
        numbers = [worker.number for worker in self.fleet.workers.values()]
        assert len(numbers) == len(set(numbers))

    @invariant()
    def new_workers_have_a_seat_each(self) -> None:
        staying = self.fleet.staying()
        seats = [worker.seat for worker in staying if not is_old(worker, self.plan)]
        assert len(seats) == len(set(seats))

    @invariant()
    def there_are_enough_or_more_will_come(self) -> None:
        if self.plan.stopping:
            assert not self.fleet.staying()
        elif self.now >= self.plan.not_before:
            assert len(self.fleet.staying()) >= self.plan.wanted

    @invariant()
    def whoever_leaves_has_a_deadline(self) -> None:
        for worker in self.fleet.workers.values():
            if worker.state is State.DRAINING and not worker.killed:
                assert worker.until is not None
                due = wake_at(self.fleet, self.plan, self.now)
                assert due is not None
                assert due <= worker.until

    def teardown(self) -> None:
        """Left alone, with every start a success, the fleet comes to what is wanted."""
        for _ in range(60):
            for worker in list(self.fleet.workers.values()):
                if worker.state is State.BOOTING:
                    self.fleet.ready(worker.pid, self.now)
                elif worker.state is State.DRAINING:
                    self.fleet.gone(worker.pid)
                    self.alive.discard(worker.pid)
            self.now += 1.0
            self.act()
        if self.plan.on_trial:
            return  # whoever is there stays until it is over
        wanted = 0 if self.plan.stopping else self.plan.wanted
        assert len(self.fleet.workers) == wanted
        assert not any(is_old(worker, self.plan) for worker in self.fleet.workers.values())
        assert sorted(worker.seat for worker in self.fleet.staying()) == list(range(wanted))


Histories.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # that is said of the machine
)
TestHistories = Histories.TestCase


def test_a_reload_replaces_one_by_one() -> None:
    fleet = Fleet()
    for pid in (1, 2):
        fleet.spawned(pid, pid, 1, 0.0, seat=2 - pid)
        fleet.ready(pid, 0.0)
    plan = Plan(wanted=2, generation=2)

    assert decide(fleet, plan, 1.0) == [Spawn(0, seat=0)]
    fleet.spawned(3, 0, 2, 1.0, seat=0)
    assert decide(fleet, plan, 1.0) == [], "nobody goes before the new one answers"
    fleet.ready(3, 2.0)
    [retire] = decide(fleet, plan, 2.0)[:1]
    assert isinstance(retire, Retire)
    assert retire.pid == 2, "the one whose seat the new one has"


def test_the_highest_seats_go_when_fewer_are_wanted() -> None:
    fleet = Fleet()
    for pid, seat in ((1, 3), (2, 0), (3, 2), (4, 1)):
        fleet.spawned(pid, pid, 1, 0.0, seat)
        fleet.ready(pid, 0.0)

    going = decide(fleet, Plan(wanted=2, generation=1), 1.0)
    assert {one.pid for one in going if isinstance(one, Retire)} == {1, 3}
    assert len(going) == 2


def test_a_gap_is_filled_by_the_highest_seat_s_successor() -> None:
    """Seat 1 was lost when three of four were wanted."""
    fleet = Fleet()
    for pid, seat in ((1, 0), (2, 2), (3, 3)):
        fleet.spawned(pid, pid, 1, 0.0, seat)
        fleet.ready(pid, 0.0)
    plan = Plan(wanted=3, generation=1)

    assert decide(fleet, plan, 1.0) == [Spawn(0, seat=1)]
    fleet.spawned(4, 0, 1, 1.0, seat=1)
    fleet.ready(4, 2.0)
    [retire] = decide(fleet, plan, 2.0)
    assert isinstance(retire, Retire)
    assert retire.pid == 3


def test_who_dies_young_again_and_again_waits_longer() -> None:
    patience = Patience()
    waits = []
    for _ in range(13):
        patience.died(age=1.0, now=100.0)
        waits.append(max(0.0, patience.not_before - 100.0))
    assert waits == [0, 0, 0, 0, 0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    patience.died(age=61.0, now=100.0)
    patience.died(age=1.0, now=200.0)
    assert patience.not_before <= 200.0, "a long life is a clean sheet"
