"""When a request has taken too long, and what is due then: a plan without clocks or threads."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Generic, TypeVar

from tricorn.config.serving import Process

GRACE = 1.0
"""Seconds that an interrupted request gets to end by itself."""
_LEAST = 0.05
"""Seconds between two looks at the least."""

Key = TypeVar("Key", bound=Hashable)


class Step(IntEnum):
    """What becomes of a request that takes too long, in this order."""

    TELL = auto()
    """Log it (``--slow-request``)."""
    INTERRUPT = auto()
    """Log it and interrupt the application (``--request-timeout``)."""
    GIVE_UP = auto()
    """It goes on all the same: answer in its place, and have the worker replaced."""


@dataclass(slots=True)
class Overdue(Generic[Key]):
    """Which steps are due for the requests in flight, named by any keys; each comes once."""

    slow: float
    """Seconds; 0 for never, as for …"""
    timeout: float
    _taken: dict[Key, tuple[Step, float]] = field(default_factory=dict)
    """The last step of each request that had any, and at how many seconds."""
    rest: float = field(init=False)
    """Seconds after which the next look is due, if it is not known better."""

    def __post_init__(self) -> None:
        self.rest = self._longest

    @classmethod
    def of(cls, settings: Process) -> Overdue[Key] | None:
        """The plan of a configuration; None if requests may take as long as they like."""
        slow, timeout = settings.slow_request, settings.request_timeout
        return cls(slow, timeout) if slow or timeout else None

    @property
    def _longest(self) -> float:
        """A request that comes right after a look is not late at the next."""
        return min(time for time in (self.slow, self.timeout) if time)

    def look(self, requests: Mapping[Key, float]) -> list[tuple[Key, Step]]:
        """The steps due for all ``requests`` in flight, which have taken so many seconds."""
        self._taken = {key: taken for key, taken in self._taken.items() if key in requests}
        due = []
        rest = self._longest
        for key, seconds in requests.items():
            while (coming := self._next(key))[0] <= seconds:
                self._taken[key] = (coming[1], seconds)
                due.append((key, coming[1]))
            rest = min(rest, coming[0] - seconds)
        self.rest = max(rest, _LEAST)
        return due

    def undo(self, key: Key) -> None:
        """A request could not be interrupted just now: later again."""
        self._taken[key] = (Step.TELL, 0.0)

    def _next(self, key: Key) -> tuple[float, Step]:
        """When the next step is due, in seconds of the request, and which."""
        step, at = self._taken.get(key, (None, 0.0))
        if step is None and self.slow and not 0 < self.timeout <= self.slow:
            return self.slow, Step.TELL
        if step in (None, Step.TELL):
            return self.timeout or math.inf, Step.INTERRUPT
        return (at + GRACE if step is Step.INTERRUPT else math.inf), Step.GIVE_UP
