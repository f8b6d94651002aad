"""Which worker processes there are and what is known of each: bookkeeping without any process.

```
             ready             retire               gone
  BOOTING ──────────► READY ──────────► DRAINING ──────────► (forgotten)
     │                                     ▲          ▲
     └──────────── retire ─────────────────┘          │
     └──────────── gone: it died ─────────────────────┘
```
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count, islice


class State(Enum):
    """Where a worker stands."""

    BOOTING = auto()
    READY = auto()
    DRAINING = auto()


@dataclass(slots=True)
class Worker:
    """One worker process; times are seconds of the monotonic clock."""

    pid: int
    number: int
    """Its place on the scoreboard, from 0; free again when it has gone."""
    generation: int
    born: float
    seat: int = 0
    """Which of the sockets it accepts on with ``--reuse-port``; passed on to its successor."""
    state: State = State.BOOTING
    ready_at: float | None = None
    until: float | None = None
    """When a draining worker is killed."""
    worn: str = ""
    """Why it should be recycled: a replacement comes first."""
    hang: str = ""
    """Why it is taken for stuck."""
    overdue: str = "it did not leave in time (--graceful-timeout)"
    """Why it is killed then."""
    killed: str = ""
    """Why it was killed."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a worker could not start: the exit code and the text for the user."""

    exit_code: int
    text: str


@dataclass(slots=True)
class Fleet:
    """The workers by process id."""

    workers: dict[int, Worker] = field(default_factory=dict)

    def spawned(self, pid: int, number: int, generation: int, now: float, seat: int) -> Worker:
        """A worker process has been started."""
        assert pid not in self.workers
        assert all(one.number != number for one in self.workers.values())
        worker = Worker(pid, number, generation, now, seat)
        self.workers[pid] = worker
        return worker

    def ready(self, pid: int, now: float) -> None:
        """A worker answers requests; one that was told to leave meanwhile still leaves."""
        worker = self.workers[pid]
        worker.ready_at = now
        if worker.state is State.BOOTING:
            worker.state = State.READY

    def retired(self, pid: int, until: float) -> None:
        """A worker was told to drain and leave before ``until``."""
        worker = self.workers[pid]
        worker.state = State.DRAINING
        worker.until = until if worker.until is None else min(worker.until, until)

    def gone(self, pid: int) -> Worker:
        """A worker process has ended."""
        return self.workers.pop(pid)

    def free_numbers(self, wanted: int) -> list[int]:
        """The first ``wanted`` places on the scoreboard that no worker has."""
        taken = {worker.number for worker in self.workers.values()}
        return list(islice((number for number in count() if number not in taken), wanted))

    def seats(self, wanted: int) -> set[int]:
        """The seats to keep; the first is always there, so that clients wait if nobody serves."""
        return {*range(max(1, wanted)), *(worker.seat for worker in self.staying())}

    def staying(self, generation: int | None = None) -> list[Worker]:
        """The workers not told to leave, oldest first; of one generation, or of all."""
        return [
            worker
            for worker in sorted(
                self.workers.values(), key=lambda worker: (worker.born, worker.pid)
            )
            if worker.state is not State.DRAINING
            and (generation is None or worker.generation == generation)
        ]

    def is_up(self, generation: int, count: int) -> bool:
        """Whether ``count`` workers of a generation answer, and none of another stays.

        Others of it may be starting: somebody is always being replaced where they are short-lived.
        """
        staying = self.staying()
        ready = sum(worker.state is State.READY for worker in staying)
        return ready >= count and all(worker.generation == generation for worker in staying)
