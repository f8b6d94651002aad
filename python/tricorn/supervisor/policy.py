"""What to do next, from what is known: pure decisions, carried out by the supervisor.

A worker *stays* until it is told to drain. It is *old* when it belongs to an earlier generation
or is worn (too many requests, too old, too large). Old workers go only when a new one is ready:
at most ``surge`` workers more than wanted are there meanwhile.

The workers that are wanted have the *seats* from 0 on, one each. A new one takes the seat of the
one it replaces, which goes when it is ready; whoever has a seat beyond them counts as old.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tricorn.supervisor.fleet import Fleet, State, Worker

QUICK = 1.5
"""Seconds that workers get to cancel and shut down when the server stops quickly."""
KILL_AFTER = 2.0
"""Seconds that a worker has beyond its graceful timeout to cancel, shut down and leave."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted: durations in seconds, ``not_before`` a time of the monotonic clock."""

    wanted: int
    generation: int
    surge: int = 1
    graceful_timeout: float = 30.0
    boot_timeout: float = 0.0
    not_before: float = 0.0
    """No worker is started earlier: those before it died young."""
    stopping: bool = False
    on_trial: bool = False
    """Nobody retires yet: the new workers have to show that they are better."""
    at_once: bool = False
    """Old workers go before new ones answer: in development, an answer of old code misleads."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker of the plan's generation at this place of the scoreboard and on this seat."""

    number: int
    seat: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Tell a worker to finish what it has and to leave before ``until``."""

    pid: int
    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker that does not leave."""

    pid: int
    why: str


Action = Spawn | Retire | Kill


def decide(fleet: Fleet, plan: Plan, now: float) -> list[Action]:
    """The actions due now; when they are carried out, nothing is left to decide."""
    actions: list[Action] = [*_overdue(fleet, plan, now)]
    if plan.stopping:
        until = now + plan.graceful_timeout + KILL_AFTER
        return actions + [Retire(one.pid, until, "the server stops") for one in fleet.staying()]
    if not plan.on_trial:
        actions += _retirements(fleet, plan, now)
    if now >= plan.not_before:
        actions += _spawns(fleet, plan, sum(isinstance(one, Retire) for one in actions))
    return actions


def wake_at(fleet: Fleet, plan: Plan, now: float) -> float | None:
    """When to decide again although nothing has happened; None if never."""
    times = [time for worker in fleet.workers.values() for time in _deadlines(worker, plan)]
    if now < plan.not_before:
        times.append(plan.not_before)
    return min(times, default=None)


def _deadlines(worker: Worker, plan: Plan) -> list[float]:
    """When a worker will be killed unless it goes on."""
    if worker.killed:
        return []
    deadlines = [] if worker.until is None else [worker.until]
    if plan.boot_timeout and worker.state is State.BOOTING:
        deadlines.append(worker.born + plan.boot_timeout)
    return deadlines


def _overdue(fleet: Fleet, plan: Plan, now: float) -> list[Kill]:
    return [
        Kill(worker.pid, _overdue_reason(worker, plan))
        for worker in fleet.workers.values()
        if any(now >= time for time in _deadlines(worker, plan))
    ]


def _overdue_reason(worker: Worker, plan: Plan) -> str:
    if worker.state is State.BOOTING:
        return f"it was not ready after {plan.boot_timeout:g} s (--boot-timeout)"
    return worker.hang or worker.overdue


def is_old(worker: Worker, plan: Plan) -> bool:
    """Whether it should be replaced."""
    worn_or_more = bool(worker.worn) or worker.seat >= plan.wanted
    return worker.generation != plan.generation or worn_or_more


def _retirements(fleet: Fleet, plan: Plan, now: float) -> list[Retire]:
    """Whoever can go without leaving fewer ready workers than wanted; old ones first."""
    staying = fleet.staying()
    ready = [worker for worker in staying if worker.state is State.READY]
    # Those that start and are not wanted any more can go at once.
    booting = [worker for worker in staying if worker.state is State.BOOTING]
    going = [worker for worker in booting if is_old(worker, plan)]
    old = [worker for worker in ready if is_old(worker, plan)]
    going += old if plan.at_once else _spare(ready, plan)
    until = now + plan.graceful_timeout + KILL_AFTER
    return [Retire(worker.pid, until, _reason(worker, plan)) for worker in going]


def _spare(ready: list[Worker], plan: Plan) -> list[Worker]:
    """Those more than wanted: each has a seat beyond, or leaves its seat to another one.

    There always is such an old one, since new ones have a seat each.
    """
    staying = list(ready)
    while len(staying) > plan.wanted:
        taken = Counter(worker.seat for worker in staying)
        staying.remove(
            next(
                worker
                for worker in staying
                if is_old(worker, plan) and (worker.seat >= plan.wanted or taken[worker.seat] > 1)
            )
        )
    return [worker for worker in ready if worker not in staying]


def _reason(worker: Worker, plan: Plan) -> str:
    if worker.generation != plan.generation:
        return f"generation {plan.generation} takes over"
    return worker.worn or "fewer workers are wanted"


def _spawns(fleet: Fleet, plan: Plan, leaving: int) -> list[Spawn]:
    staying = fleet.staying()
    old = [worker for worker in staying if is_old(worker, plan)]
    # Worn workers of this generation are replaced one by one, so that they don't all start anew.
    surge = (
        plan.surge if any(one.generation != plan.generation for one in old) else min(len(old), 1)
    )
    room = plan.wanted + surge - (len(staying) - leaving)
    missing = min(plan.wanted - (len(staying) - len(old)), room)
    taken = {worker.seat for worker in staying if not is_old(worker, plan)}
    seats = [seat for seat in range(plan.wanted) if seat not in taken]
    numbers = fleet.free_numbers(max(0, missing))
    return [Spawn(*place) for place in zip(numbers, seats, strict=False)]
