"""A worker's place on the scoreboard that its supervisor reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tricorn._core import AsgiCore, Scoreboard, WsgiCore


@dataclass(frozen=True, slots=True)
class Place:
    """Row ``number`` of ``scoreboard``.

    ``measured`` has the core write there how long work waits, for a supervisor that adds workers.
    """

    scoreboard: Scoreboard
    number: int
    measured: bool = False
    is_supervised: bool = True

    @classmethod
    def alone(cls) -> Place:
        """A place that no other process knows."""
        return cls(Scoreboard(1), 0, is_supervised=False)

    def take(self, core: AsgiCore | WsgiCore) -> None:
        """Have the core write its counters here."""
        core.attach(self.scoreboard, self.number)
        if self.measured:
            core.measure()

    def note_stuck(self) -> None:
        """Say that a request can't be ended: the supervisor will replace this worker."""
        self.scoreboard.slot(self.number).note_stuck()

    def requests(self) -> list[dict[str, Any]]:
        """The requests in flight, as `_core.Slot.requests` tells them; for any thread."""
        return self.scoreboard.slot(self.number).requests()

    def in_flight(self) -> int:
        """How many requests the application has."""
        return self.scoreboard.slot(self.number).read()["in_flight"]

    def beat(self) -> None:
        """Say that the event loop turns."""
        self.scoreboard.slot(self.number).beat()


def what_follows(place: Place) -> str:
    """A request can't be ended: mark the worker for replacement; says so for the log."""
    place.note_stuck()
    if place.is_supervised:
        return "this worker will be replaced"
    return "without --workers nobody replaces this process"
