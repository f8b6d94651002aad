"""Whether new code is to be trusted, by the share of its first responses that are errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tricorn.config.rollout import Rollout
from tricorn.supervisor.generations import Generations

_FEWEST = 20
"""Responses that say something, when the time is over."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Responses of some workers, and those of them with a status of 500 or above."""

    requests: int
    errors: int

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, int]]) -> Counts:
        """The sum of the counters of workers, as the scoreboard has them."""
        kept = list(rows)
        return cls(sum(row["requests"] for row in kept), sum(row["errors"] for row in kept))

    @property
    def percent(self) -> float:
        """The share of errors."""
        return 100 * self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A generation that serves beside the old one; ``begun`` is a time of the monotonic clock."""

    rollout: Rollout
    begun: float

    def verdict(self, old: Counts, new: Counts, now: float) -> str | None:
        """None as long as it is open, nothing if the code is good, else why it is not."""
        rollout = self.rollout
        is_over = now >= self.begun + rollout.rollback_window
        if new.requests < rollout.rollback_after and not is_over:
            return None
        if new.requests < min(_FEWEST, rollout.rollback_after):
            return ""
        if new.percent - old.percent <= rollout.rollback_errors:
            return ""
        return (
            f"{new.percent:.0f} % of its first {new.requests} responses are errors, and "
            f"{old.percent:.0f} % of the old code's (--rollback-errors)"
        )


class Trials:
    """At most one at a time: of the current generation, against the one that was proven before.

    ``counts`` gives the responses of a generation's workers; ``roll_back`` is called with a reason.
    """

    def __init__(
        self,
        generations: Generations,
        counts: Callable[[int], Counts],
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
            self._trial = Trial(rollout, time.monotonic())

    def judge(self) -> None:
        """Look whether there is a verdict."""
        if self._trial is None:
            return
        generations = self._generations
        old, new = self._counts(generations.proven), self._counts(generations.current)
        verdict = self._trial.verdict(old, new, time.monotonic())
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
