"""What the system sees of a supervisor: pid file, control socket, systemd, title, last messages."""

from __future__ import annotations

import logging
import os
from collections import deque

from tricorn._core import rotate_tickets
from tricorn.config import Config
from tricorn.errors import TricornError
from tricorn.logs.error_log import Relay
from tricorn.net.renewal import Renewals
from tricorn.supervisor import systemd
from tricorn.supervisor.control import ControlServer, Handler, Request
from tricorn.supervisor.loop import Loop
from tricorn.supervisor.pidfile import PidFile
from tricorn.supervisor.title import set_title, supervisor_title
from tricorn.supervisor.upgrade import working_directory

_log = logging.getLogger("tricorn.supervisor")

_RETRY = 0.1
"""Seconds between two tries to take what another supervisor lets go of."""
_KEPT = 1000
"""Lines of the error log that ``tricorn logs`` shows."""


class Surroundings:
    """Opened before the first worker, closed after the last; every method is quick."""

    def __init__(self, config: Config, loop: Loop, handler: Handler) -> None:
        self._config = config
        self._loop = loop
        self._handler = handler
        self.messages = _Messages()
        self._waiting: list[Request] = []
        self._stops: list[Request] = []
        self._control: ControlServer | None = None
        self._pidfile: PidFile | None = None
        seconds = systemd.watchdog_seconds()
        self._watchdog = None if seconds is None else seconds / 2
        self._renewals = Renewals(_log)
        self.show("starting")

    def claim(self) -> None:
        """Take the pid file and the control socket. Raises TricornError if another has them."""
        settings = self._config.operations
        if settings.pidfile is not None and self._pidfile is None:
            self._pidfile = PidFile(settings.pidfile)
        instance = {
            "pid": os.getpid(),
            "app": self._config.app.target,
            "directory": str(working_directory()),
        }
        self._control = ControlServer.open(settings.control_socket, instance, self._handler)
        if self._control is not None:
            self._loop.watch(self._control, self._control.poll)

    def claim_after(self, tries: int = 50) -> None:
        """The same, from a supervisor that lets go of them about now."""
        try:
            self.claim()
        except TricornError as error:
            if tries:
                self._loop.later(_RETRY, lambda: self.claim_after(tries - 1))
            else:
                _log.error("%s", error)

    def show(self, state: str) -> None:
        """Put the state into the title, and into what ``systemctl status`` shows."""
        name, app = self._config.operations.proc_name, self._config.app.target or ""
        set_title(supervisor_title(name, app, state))
        systemd.notify(STATUS=state)

    def waits(self) -> tuple[float | None, ...]:
        """After how many seconds at the most to call `attend`."""
        control = self._control.wait() if self._control else None
        return self._watchdog, control, self._renewals.wait(), rotate_tickets()

    def attend(self, config: Config) -> None:
        """The loop turns: slow clients are dropped, certificates renewed, and systemd is told."""
        self._renewals.look(config)
        if self._control is not None:
            self._control.poll()
        if self._watchdog is not None:
            systemd.notify(WATCHDOG=1)

    def wait_for_reload(self, request: Request) -> None:
        """Answer this one when the reload has ended."""
        self._waiting.append(request)

    def progress(self, text: str) -> None:
        """Tell those who wait for a reload or a stop what delays it."""
        for request in (*self._waiting, *self._stops):
            request.progress(text)

    def wait_for_stop(self, request: Request) -> None:
        """Answer this one when the server has stopped, unless it does not ``wait``."""
        if request.options.get("wait", True):
            self._stops.append(request)
        else:
            request.finish(data={"stopping": True})

    def reloading(self, told: str = "") -> None:
        """A new generation starts; ``told`` is what it changes besides."""
        if told:
            _log.info("%s", told)
            self.progress(told)
        systemd.notify_reloading("reloading")
        self.show("reloading")

    def serving(self, state: str, failure: str = "") -> None:
        """Requests are answered; after a reload that has succeeded or failed, too.

        ``failure`` says what it does instead of what was asked for, and why.
        """
        systemd.notify(READY=1, MAINPID=os.getpid())
        self.show(state)
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            if failure:
                request.fail(f"reload failed, {failure}")
            else:
                request.finish(data={"reload": "done"})

    def stopping(self) -> None:
        """The server stops."""
        systemd.notify(STOPPING=1)
        self.show("stopping")

    def handed_over(self) -> None:
        """Another supervisor has the sockets: it will want the pid file, and a control socket."""
        for request in self._waiting:
            request.finish(data={"reload": "done"})
        self._release()

    def close(self) -> None:
        """Leave no file behind."""
        self.messages.close()
        for request in self._stops:
            request.finish(data={"stopped": True, "pid": os.getpid()})
        for request in self._waiting:
            request.fail("the server has stopped")
        self._release()

    def _release(self) -> None:
        if self._control is not None:
            self._control.poll()  # last answers
            self._loop.forget(self._control)
            self._control.close()
            self._control = None
        if self._pidfile is not None:
            self._pidfile.close()
            self._pidfile = None


class _Messages:
    """Keeps the last lines of the error log, of the supervisor and of its workers."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._followers: list[Request] = []
        self._relay = Relay(self._take)

    def _take(self, text: str) -> None:
        for line in text.splitlines():
            self.add(line)

    def add(self, line: str) -> None:
        """Keep one, and tell who follows; those that have gone are forgotten."""
        self._lines.append(line)
        self._followers = [one for one in self._followers if one.progress(line)]

    def answer(self, request: Request) -> None:
        """Show the last ``lines``, and with ``follow`` what comes, until the server ends."""
        count = request.options.get("lines")
        kept = list(self._lines)
        shown = kept[max(0, len(kept) - count) :] if isinstance(count, int) else kept
        if not request.options.get("follow"):
            request.finish(data={"lines": shown})
        elif all(map(request.progress, shown)):
            self._followers.append(request)

    def close(self) -> None:
        """No more will come."""
        for request in self._followers:
            request.finish()
        self._relay.close()
