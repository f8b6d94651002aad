"""A worker's place on the scoreboard that its supervisor reads."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn._core import AsgiCore, Scoreboard, WsgiCore


@dataclass(frozen=True, slots=True)
class Place:
    """Row ``number`` of ``scoreboard``.

    ``measured`` has the core write there how long work waits, for a supervisor that adds workers.
    """

    scoreboard: Scoreboard
    number: int
    measured: bool = False

    def take(self, core: AsgiCore | WsgiCore) -> None:
        """Have the core write its counters here."""
        core.attach(self.scoreboard, self.number)
        if self.measured:
            core.measure()

    def beat(self) -> None:
        """Say that the event loop turns."""
        self.scoreboard.slot(self.number).beat()
