"""How a supervisor stops: after a delay, gracefully, quickly, at once."""

from __future__ import annotations

import logging
import signal
import time
from typing import TYPE_CHECKING

from tricorn.logs.banner import at_most, stopping, stopping_later
from tricorn.supervisor.policy import KILL_AFTER, QUICK

if TYPE_CHECKING:
    from tricorn.config.serving import Process
    from tricorn.supervisor.loop import Loop
    from tricorn.supervisor.sockets import Sockets
    from tricorn.supervisor.surroundings import Surroundings
    from tricorn.supervisor.upgrade import Upgrades
    from tricorn.supervisor.workers import Workers

_log = logging.getLogger("tricorn.supervisor")


class Stopping:
    """Which stop is under way. A stop that is asked for a second time ends all at once."""

    def __init__(
        self,
        loop: Loop,
        workers: Workers,
        sockets: Sockets,
        around: Surroundings,
        upgrades: Upgrades,
    ) -> None:
        self._loop = loop
        self._workers = workers
        self._sockets = sockets
        self._around = around
        self._upgrades = upgrades
        self.how = ""
        """``gracefully``, ``quickly`` or ``handed over``; nothing before."""
        self.announced = False
        """Whether the workers say that they are not ready, while they serve on."""
        self.exit_code: int | None = None
        """What to end with, whoever is left."""

    @property
    def is_meant(self) -> bool:
        """Whether a stop has begun, or will after ``--drain-delay``."""
        return bool(self.how) or self.announced

    @property
    def refusal(self) -> str:
        """Why nothing can be changed any more; nothing while it can."""
        if self.how == "handed over":
            return "a new supervisor has taken over"
        return "the server stops" if self.is_meant else ""

    @property
    def state(self) -> str:
        """What the server does, in words."""
        if self.how in ("gracefully", "quickly"):
            return f"stopping {self.how}"
        return self.how or ("serving until --drain-delay is over" if self.announced else "serving")

    def stop(self, settings: Process, cause: str, serves: bool) -> None:
        """Stop gracefully, after ``--drain-delay``; the second time, at once.

        ``cause`` is who asks for it, as ``SIGTERM``; so for `quit`. One that has not taken over
        yet has no clients to tell: it ``serves`` not, and does not delay.
        """
        self._upgrades.stop(signal.SIGTERM, settings.graceful_timeout + 2 * KILL_AFTER)
        if self.how == "gracefully" or self.announced:
            self._end_at_once()
        elif serves and (delay := settings.drain_delay) and not self.how:
            self.announced = True
            self._around.stopping()
            self._workers.announce_stop()
            _log.info("%s", stopping_later(cause, delay))
            seconds = settings.graceful_timeout
            self._loop.later(delay, lambda: None if self.how else self._drain(seconds, cause))
        else:
            self._drain(settings.graceful_timeout, cause)

    def quit(self, cause: str) -> None:
        """Stop quickly: what is in flight is cancelled; the second time, at once."""
        self._upgrades.stop(signal.SIGINT, QUICK + KILL_AFTER)
        if self.how == "quickly":
            self._end_at_once()
            return
        self._say(cause, "cancelled now")
        self.how = "quickly"
        self._sockets.close()
        self._around.stopping()
        overdue = f"it was not gone {QUICK:g} s after {cause}; SIGTERM gives it --graceful-timeout"
        self._workers.quit(time.monotonic() + QUICK, overdue)

    def hand_over(self) -> None:
        """A new supervisor serves: this one finishes what it has."""
        self.how = "handed over"
        self._sockets.hand_over()
        self._around.handed_over()

    def _drain(self, seconds: float, cause: str) -> None:
        self._say(cause, at_most(seconds))
        self.how = "gracefully"
        self._sockets.close()
        self._around.stopping()
        self._workers.stop_draining()

    def _say(self, cause: str, fate: str) -> None:
        text = stopping(cause, self._workers.in_flight(), fate)
        _log.info("%s", text)
        self._around.progress(text)

    def _end_at_once(self) -> None:
        self._workers.kill_all()
        self.exit_code = 1
