"""Looks after workers that serve: who hangs, and who is worn and should be recycled."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tricorn._core import Scoreboard
from tricorn.config.serving import Process
from tricorn.supervisor.fleet import Worker
from tricorn.supervisor.memory import pss
from tricorn.supervisor.stacks import DELAY, Stacks
from tricorn.supervisor.trial import Counts

_log = logging.getLogger("tricorn.supervisor")

FREE = 2**64 - 1
"""The beat of a worker that waits for work."""
TICK = 1.0
"""Seconds between two looks."""
WEIGH = 5.0
"""Seconds between two looks at the memory."""
GROWN_UP = 60.0
"""Age in seconds from which a worker may have grown: a new one would be as large as it is."""


@dataclass(frozen=True, slots=True)
class Life:
    """How much a worker is to do: requests (0 for any number), seconds (0 for ever)."""

    requests: int
    seconds: float


class Health:
    """The scoreboard of all workers, and what is kept of each beside it."""

    def __init__(self, scoreboard: Scoreboard) -> None:
        self.scoreboard = scoreboard
        self._stacks: dict[int, Stacks] = {}
        self._lives: dict[int, Life] = {}
        self._weighed: dict[int, float] = {}
        self._all_weighed = 0.0

    def prepare(self, number: int) -> Stacks:
        """A clean place for a new worker; the file that it will write its stacks to."""
        self.scoreboard.slot(number).clear()
        stacks = self._stacks[number] = Stacks()
        return stacks

    def unprepare(self, number: int) -> None:
        """No worker came to this place."""
        if stacks := self._stacks.pop(number, None):
            stacks.close()

    def started(self, worker: Worker, settings: Process) -> None:
        """Decide how long a new worker is to live."""
        requests, seconds = settings.max_requests, settings.max_lifetime
        jitter = random.randint(0, settings.max_requests_jitter)
        spread = random.uniform(0, settings.max_lifetime_jitter)
        self._lives[worker.pid] = Life(requests and requests + jitter, seconds and seconds + spread)

    def tick(self, settings: Process) -> float | None:
        """Seconds to the next look; None if there is nothing to look for."""
        limits = (
            settings.max_requests,
            settings.max_lifetime,
            settings.max_memory,
            settings.max_memory_total,
        )
        times = (settings.timeout, settings.request_timeout)
        return TICK if any(limits) or any(times) else None

    def check(self, worker: Worker, settings: Process, now: float) -> str:
        """Note if the worker is worn; return why it is taken for stuck, or nothing."""
        seen = self.read(worker)
        worker.worn = (
            worker.worn
            or _stuck(seen["stuck"])
            or self._worn(worker, seen["requests"], now)
            or self._too_large(worker, settings.max_memory, now)
        )
        beat = seen["beat"]
        if not settings.timeout or beat in (0, FREE):
            return ""
        silent = time.monotonic() - beat / 1000
        if silent < settings.timeout:
            return ""
        return f"no sign of life for {silent:.0f} s (--timeout)"

    def _worn(self, worker: Worker, requests: int, now: float) -> str:
        life = self._lives[worker.pid]
        if life.requests and requests >= life.requests:
            return f"it has served {requests} requests (--max-requests)"
        age = now - worker.born
        if life.seconds and age >= life.seconds:
            return f"it is {age:.0f} s old (--max-lifetime)"
        return ""

    def _too_large(self, worker: Worker, most: int, now: float) -> str:
        """Looked at seldom: the kernel walks through all pages of the process for it."""
        if not most or now < self._weighed.get(worker.pid, 0.0) + WEIGH:
            return ""
        self._weighed[worker.pid] = now
        size = pss(worker.pid) or 0
        if size <= most:
            return ""
        return f"it takes {size / 2**20:.0f} MiB (--max-memory)"

    def check_group(self, workers: Sequence[Worker], most: int, now: float) -> None:
        """Note the largest of these workers as worn if the server takes more memory than ``most``.

        One at a time: the replacement of the last one must have come first.
        """
        if not most or now < self._all_weighed + WEIGH or any(one.worn for one in workers):
            return
        self._all_weighed = now
        sizes = {worker.pid: pss(worker.pid) or 0 for worker in workers}
        total = sum(sizes.values()) + (pss(os.getpid()) or 0)
        grown = [worker for worker in workers if now - worker.born >= GROWN_UP]
        if total > most and grown:
            largest = max(grown, key=lambda worker: sizes[worker.pid])
            largest.worn = (
                f"all processes take {total / 2**20:.0f} MiB (--max-memory-total), this one "
                f"{sizes[largest.pid] / 2**20:.0f} MiB"
            )

    def held(self, worker: Worker) -> str:
        """The requests in flight of a worker, for the log; also after its end."""
        now = time.monotonic()
        requests = self.scoreboard.slot(worker.number).requests()
        texts = [
            f"{one['request']} of {one['client'] or 'a client without an address'}"
            f" for {max(0.0, now - one['started'] / 1000):.1f} s"
            for one in requests
        ]
        return f"; in flight: {', '.join(texts)}" if texts else ""

    def ask_for_stacks(self, worker: Worker) -> float:
        """Have a stuck worker write its stacks; returns the seconds that this may take."""
        self._stacks[worker.number].ask(worker.pid)
        return DELAY

    def read(self, worker: Worker) -> dict[str, int]:
        """The counters of a worker."""
        return self.scoreboard.slot(worker.number).read()

    def counts(self, worker: Worker, late: float) -> Counts:
        """What its clients got, and how many wait for longer than ``late`` seconds."""
        seen, since = self.read(worker), 1000 * (time.monotonic() - late)
        requests = self.scoreboard.slot(worker.number).requests()
        waiting = sum(one["started"] <= since for one in requests)
        answered = max(0, seen["requests"] - seen["in_flight"])  # they count from their head on
        return Counts(answered, seen["errors"], waiting)

    def stacks_of(self, worker: Worker) -> str:
        """What a worker has written since it was asked; nothing if it has gone."""
        stacks = self._stacks.get(worker.number)
        return stacks.text() if stacks else ""

    def gone(self, worker: Worker) -> None:
        """A worker has ended: log the stacks of one that was stuck."""
        stacks = self._stacks.pop(worker.number)
        if worker.hang and (text := stacks.text()):
            _log.error("worker %d was here when it hung\n%s", worker.pid, text)
        stacks.close()
        self._lives.pop(worker.pid, None)
        self._weighed.pop(worker.pid, None)
        self.scoreboard.slot(worker.number).clear()


def _stuck(count: int) -> str:
    return "a request in it can't be ended (--request-timeout)" if count else ""
