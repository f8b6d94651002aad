"""How long to wait before the next worker is started, when those before it did not go well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Patience:
    """Two reasons to wait: workers keep dying young, or the system does not let any begin.

    The first few deaths are followed by a new worker at once: a crash, or a kill by the system,
    costs no time. From then on the delay doubles up to 30 s, until a worker has lived for a minute.
    A start that the system refused is tried again after a delay that doubles likewise.
    """

    deaths: int = 0
    refusals: int = 0
    not_before: float = 0.0
    hindrance: str = ""
    """Why the last start was refused; nothing when it went well."""

    YOUNG = 60.0
    AT_ONCE = 5
    FIRST = 0.5
    LONGEST = 30.0

    def died(self, age: float, now: float) -> None:
        """A worker that was not told to leave has ended ``age`` seconds after its start."""
        if age >= self.YOUNG:
            self.deaths = 0
            return
        self.deaths += 1
        if self.deaths > self.AT_ONCE:
            self.not_before = now + self._delay(self.deaths - self.AT_ONCE)

    def refused(self, why: str, now: float) -> str:
        """The system has not started a worker; returns the message about it."""
        self.hindrance = why
        self.refusals += 1
        delay = self._delay(self.refusals)
        self.not_before = max(self.not_before, now + delay)
        return f"a worker could not be started: {why}; another try in {delay:g} s"

    def started(self) -> None:
        """A worker process is there."""
        self.refusals, self.hindrance = 0, ""

    def forget(self) -> None:
        """A new generation starts with a clean sheet."""
        self.deaths = self.refusals = 0
        self.not_before = 0.0

    def _delay(self, times: int) -> float:
        return min(self.FIRST * 2.0 ** min(times - 1, 16), self.LONGEST)
