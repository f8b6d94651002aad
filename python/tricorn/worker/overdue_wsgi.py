"""Watches the calls of a WSGI application for those that take too long, in a thread of its own."""

from __future__ import annotations

import logging
import threading

from tricorn._core import WsgiCore
from tricorn.config.serving import Process
from tricorn.errors import RequestTimeout
from tricorn.worker.hooks import named
from tricorn.worker.overdue import Overdue, Step
from tricorn.worker.place import Place, what_follows
from tricorn.worker.threads import stack_of

_log = logging.getLogger("tricorn.worker")


class WsgiWatch:
    """Looks when something may be due; ``place`` is told of calls that can't be ended."""

    def __init__(self, core: WsgiCore, overdue: Overdue[int], place: Place) -> None:
        self._core = core
        self._overdue = overdue
        self._place = place
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tricorn-overdue", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._overdue.rest):
            self._look()

    def _look(self) -> None:
        held = {one[0]: one for one in self._core.in_flight()}
        for number, step in self._overdue.look({number: one[3] for number, one in held.items()}):
            _, thread, environ, taken = held[number]
            self._take(step, number, thread, f"{named(environ)} has taken {taken:.1f} s")

    def _take(self, step: Step, number: int, thread: int, what: str) -> None:
        stack = stack_of(thread)  # of now: an interrupted call leaves where it is
        if step is Step.TELL:
            _log.warning("%s so far (--slow-request)\n%s", what, stack)
        elif step is Step.INTERRUPT:
            if self._core.interrupt(number, RequestTimeout):
                _log.error("%s: it is interrupted (--request-timeout)\n%s", what, stack)
            else:
                self._overdue.undo(number)
        else:
            self._core.give_up(number)
            follows = what_follows(self._place)
            _log.error("%s and can't be interrupted; %s\n%s", what, follows, stack)


def watch_wsgi(core: WsgiCore, settings: Process, place: Place) -> WsgiWatch | None:
    """A watch over the calls of a core, if the settings ask for one."""
    overdue: Overdue[int] | None = Overdue.of(settings)
    return None if overdue is None else WsgiWatch(core, overdue, place)
