"""Whether new code is to be trusted, by the share of its first responses that are errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tricorn.config.rollout import Rollout
from tricorn.supervisor.generations import Generations

_FEWEST = 20
"""Responses that say something, when the time is over."""
_FEW = 5
"""Fewer than this many requests say nothing, whatever became of them."""
_LATE = 5.0
"""Seconds after which a request counts as not answered; in a short trial, half of its time."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Responses of some workers, those of them with a status of 500 or above, and the requests that
    have waited for long."""

    requests: int = 0
    errors: int = 0
    late: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.requests + other.requests, self.errors + other.errors, self.late + other.late
        )

    def since(self, before: Counts) -> Counts:
        """What has come since; who waits now waits."""
        return Counts(self.requests - before.requests, self.errors - before.errors, self.late)

    @property
    def asked(self) -> int:
        """The requests that were answered, or should have been."""
        return self.requests + self.late

    @property
    def percent(self) -> float:
        """The share of those that went wrong."""
        return 100 * (self.errors + self.late) / self.asked if self.asked else 0.0


_NOTHING = Counts()


class Tally:
    """The counts of a generation's workers by process id, also of those that have ended since."""

    def __init__(self, before: Mapping[int, Counts]) -> None:
        self._before = before
        self._seen = dict(before)

    def look(self, now: Mapping[int, Counts]) -> None:
        """Take what the workers have now."""
        self._seen.update(now)

    def life(self) -> Counts:
        """Of their whole lives."""
        return sum(self._seen.values(), _NOTHING)

    def window(self) -> Counts:
        """Since the tally was begun."""
        rows = (one.since(self._before.get(pid, _NOTHING)) for pid, one in self._seen.items())
        return sum(rows, _NOTHING)


@dataclass(frozen=True, slots=True)
class Trial:
    """A generation that serves beside the old one; ``begun`` is a time of the monotonic clock.

    What goes wrong while it lasts goes wrong for both if it is not the code's fault: so they are
    compared over the same time. Only if the old code was hardly asked meanwhile, its whole life
    counts.
    """

    rollout: Rollout
    begun: float
    old: Tally
    new: Tally

    @property
    def late(self) -> float:
        """Seconds after which a request counts as not answered."""
        return min(_LATE, self.rollout.rollback_window / 2)

    def verdict(self, now: float) -> str | None:
        """None as long as it is open, nothing if the code is good, else why it is not."""
        rollout, old, new = self.rollout, self.old.window(), self.new.window()
        is_over = now >= self.begun + rollout.rollback_window
        if new.requests < rollout.rollback_after and not is_over:
            return None
        is_silent = not new.requests and new.late > 0 and old.requests >= _FEW
        enough = new.asked >= min(_FEWEST, rollout.rollback_after)
        if not (enough or new.late >= _FEW or is_silent):
            return ""
        is_told = old.asked >= _FEW
        old = old if is_told else self.old.life()
        if new.percent - old.percent <= rollout.rollback_errors:
            return ""
        if not is_told and not is_over:
            return None  # the old code may show that the fault is not the new one's
        waits = f", {new.late} of its requests have no answer yet" if new.late else ""
        return (
            f"{new.percent:.0f} % of its first {new.asked} responses are errors{waits}, and "
            f"{old.percent:.0f} % of the old code's (--rollback-errors)"
        )


class Trials:
    """At most one at a time: of the current generation, against the one that was proven before.

    ``counts`` gives those of a generation's workers, and takes the seconds after which a request is
    late; ``roll_back`` is called with a reason.
    """

    def __init__(
        self,
        generations: Generations,
        counts: Callable[[int, float], Mapping[int, Counts]],
        roll_back: Callable[[str], None],
    ) -> None:
        self._generations = generations
        self._counts = counts
        self._roll_back = roll_back
        self._trial: Trial | None = None

    @property
    def is_open(self) -> bool:
        """Whether a generation has not shown yet that it is good."""
        return self._trial is not None

    def answered(self, generation: int) -> None:
        """A worker is ready; the first one of a new generation proves it, or begins its trial."""
        generations, rollout = self._generations, self._generations.config.rollout
        is_new = generations.proven and generation == generations.current > generations.proven
        if not (is_new and rollout.rollback_errors):
            generations.answered(generation)
        elif self._trial is None:
            old = Tally(self._counts(generations.proven, math.inf))
            self._trial = Trial(rollout, time.monotonic(), old, Tally({}))

    def judge(self) -> None:
        """Look whether there is a verdict."""
        trial, generations = self._trial, self._generations
        if trial is None:
            return
        trial.old.look(self._counts(generations.proven, trial.late))
        trial.new.look(self._counts(generations.current, trial.late))
        verdict = trial.verdict(time.monotonic())
        if verdict is None:
            return
        self._trial = None
        if verdict:
            self._roll_back(verdict)
        else:
            generations.answered(generations.current)

    def forget(self) -> None:
        """Another generation is wanted."""
        self._trial = None
