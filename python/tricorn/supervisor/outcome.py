"""How the last load of configuration and code went: for the log, and for all that show it."""

from __future__ import annotations

import logging

from tricorn.supervisor.surroundings import Surroundings

_log = logging.getLogger("tricorn.supervisor")


class Outcome:
    """Of a start or a reload, which ``last`` has as ``tricorn status`` shows it: nothing for a
    start that went well."""

    def __init__(self, around: Surroundings) -> None:
        self.last = ""
        self._around = around

    def failed(self, what: str, why: str, generation: int, wanted: int) -> None:
        """What was asked for can't be; workers of the generation before serve."""
        instead = f"the server goes on as it was: {why}"
        _log.error("%s failed, %s", what, instead)
        self.last = f"failed: {why}"
        self._around.serving(f"reload failed, {_state(generation, wanted)}", instead)

    def settled(self, generation: int, wanted: int, failure: str) -> None:
        """Workers of this generation answer: with an error page, if there is a ``failure``."""
        state = _state(generation, wanted)
        if failure:
            self.last = f"failed: {failure}"
            instead = f"the application is not served: {failure}"
            self._around.serving(f"application not served, {state}", instead)
            return
        if generation > 1:
            _log.info("generation %d serves, workers: %d", generation, wanted)
            self.last = "done"
        self._around.serving(state)


def _state(generation: int, wanted: int) -> str:
    return f"workers: {wanted}, generation {generation}"
