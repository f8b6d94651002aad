"""``--workers MIN..MAX``: how many workers are wanted, from how long requests wait. Pure.

One is added when requests wait for most of the workers, look after look. One retires when nobody
has waited for a good while and the others could have done the work of all. If that turns out wrong
soon after, the next retirement takes longer: a load at the edge must not start and end workers for
ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_LOOKS = 2
"""Crowded looks in a row before a worker is added."""
_SHARE = 0.7
"""Of a processor: workers that use less of it each, after one has gone, are enough."""
_LONGEST = 16
"""How many times the time to a retirement can become as long."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a ready worker shows: seconds that its oldest work has waited, and used up in all."""

    queue_age: float
    cpu: float


@dataclass(slots=True)
class Scaler:
    """The state between looks; durations and times in seconds, of the monotonic clock."""

    least: int
    most: int
    up_after: float
    down_after: float
    _crowded: int = 0
    _quiet_since: float | None = None
    _cpu: dict[int, float] = field(default_factory=dict)
    _factor: int = 1
    _retired_at: float | None = None

    def look(self, loads: dict[int, Load], wanted: int, now: float) -> tuple[int, str]:
        """How many workers are wanted now, and why if that is another number.

        ``loads`` are the ready workers by process id. While fewer than wanted are ready, nothing
        is decided: the ones on their way will change the picture.
        """
        if len(loads) != wanted:
            self._crowded, self._quiet_since = 0, None
            return wanted, ""
        if self._is_crowded([load.queue_age for load in loads.values()]):
            return self._more(wanted, now)
        return self._fewer(loads, wanted, now)

    def _is_crowded(self, ages: Sequence[float]) -> bool:
        late = sum(age >= self.up_after for age in ages)
        self._crowded = self._crowded + 1 if 2 * late >= len(ages) > 0 else 0
        if late:
            self._quiet_since = None
        return self._crowded >= _LOOKS

    def _more(self, wanted: int, now: float) -> tuple[int, str]:
        self._crowded = 0
        if wanted >= self.most:
            return wanted, ""
        soon = self._retired_at is not None and now - self._retired_at < self._patience
        self._factor = min(2 * self._factor, _LONGEST) if soon else 1
        return wanted + 1, f"requests wait for more than {self.up_after * 1000:.0f} ms"

    @property
    def _patience(self) -> float:
        return self._factor * self.down_after

    def _fewer(self, loads: dict[int, Load], wanted: int, now: float) -> tuple[int, str]:
        if self._crowded or self._quiet_since is None or loads.keys() != self._cpu.keys():
            self._quiet_since = None if self._crowded else now
            self._cpu = {pid: load.cpu for pid, load in loads.items()}
            return wanted, ""
        quiet = now - self._quiet_since
        if quiet < self._patience or wanted <= self.least:
            return wanted, ""
        used = sum(load.cpu - self._cpu[pid] for pid, load in loads.items())
        self._quiet_since = None
        if used > _SHARE * (wanted - 1) * quiet:
            return wanted, ""
        self._retired_at = now
        return wanted - 1, f"nobody has waited for {quiet:.0f} s"
