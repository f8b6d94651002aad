"""Looks at the workers of ``--workers MIN..MAX`` now and then, and says how many are wanted."""

from __future__ import annotations

import logging
import time

from tricorn.config import Config
from tricorn.config.serving import Process
from tricorn.supervisor.cpus import workers_of
from tricorn.supervisor.fleet import Fleet, State
from tricorn.supervisor.health import TICK, Health
from tricorn.supervisor.processor import cpu_seconds
from tricorn.supervisor.scaling import Load, Scaler

_log = logging.getLogger("tricorn.supervisor")


def undone(config: Config, before: int) -> str:
    """What a reload with this configuration makes of the number of workers; nothing if it stays.

    Zero ``before`` is a server at rest, which a reload wakes.
    """
    wanted = workers_of(config.process.workers)
    if wanted.is_range or before in (0, wanted.least):
        return ""
    now = "1 worker is" if wanted.least == 1 else f"{wanted.least} workers are"
    return f"{now} wanted now ({config.origins['workers']}), and not {before} as before"


class Autoscaler:
    """Off as long as the number of workers is fixed."""

    def __init__(self, fleet: Fleet, health: Health) -> None:
        self._fleet = fleet
        self._health = health
        self._scaler: Scaler | None = None
        self._next = 0.0

    def configure(self, settings: Process, before: int = 0) -> int:
        """Follow these settings from now on; returns the number of workers to go on with.

        With a range that is the number that there was ``before``, which the load needed.
        """
        wanted = workers_of(settings.workers)
        self._scaler = None
        if wanted.is_range:
            self._scaler = Scaler(*wanted, settings.scale_up_after, settings.scale_down_after)
            return self.bounded(before)
        return wanted.least

    def bounded(self, wanted: int) -> int:
        """A number that was asked for by hand, kept within the range if there is one."""
        scaler = self._scaler
        return wanted if scaler is None else max(scaler.least, min(wanted, scaler.most))

    def tick(self) -> float | None:
        """Seconds to the next look; None if it is off."""
        return None if self._scaler is None else max(0.0, self._next - time.monotonic())

    def look(self, wanted: int) -> int:
        """How many workers are wanted now, if it is time to look."""
        now = time.monotonic()
        if self._scaler is None or now < self._next:
            return wanted
        self._next = now + TICK
        ready = [one for one in self._fleet.staying() if one.state is State.READY]
        loads = {
            one.pid: Load(self._health.read(one)["queue_age"] / 1000, cpu_seconds(one.pid))
            for one in ready
        }
        number, why = self._scaler.look(loads, wanted, now)
        if why:
            _log.info("%d workers are wanted now: %s", number, why)
        return number
