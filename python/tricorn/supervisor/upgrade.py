"""Hand the listening sockets to a new supervisor, which may be another Python or another Tricorn.

The old one starts the new one with its own command line. The new one finds the sockets in its
environment, starts its workers, and says so over a pipe; then the old one retires. If it says why
it can't, or the pipe ends without a word, nothing changes. Until then it is a child of the old one,
which passes on a stop: nobody must serve after it.

With ``--preload`` a reload is an upgrade too: only a new process has new code.
"""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tricorn.config.activation import SUCCESSOR
from tricorn.net.listener import Listener
from tricorn.net.takeover import adopt
from tricorn.supervisor.loop import Loop

_log = logging.getLogger("tricorn.supervisor")

VARIABLE = SUCCESSOR
"""JSON: ``{"sockets": {address: [descriptor, …]}, "ready": descriptor, "generation": number,
"workers": number}``."""

_READY = b"ready"
_LONGEST_REASON = 4096  # PIPE_BUF: what is written to a pipe at once
_TIME_TO_END = 5.0
"""Seconds that a new supervisor that has failed gets to end."""


class Upgrade:
    """A new supervisor on its way, seen from the old one."""

    def __init__(self, process: subprocess.Popen[bytes], ready: int) -> None:
        self.pid = process.pid
        self._process = process
        self._ready = ready

    @classmethod
    def begin(
        cls, sockets: Mapping[str, list[Listener]], numbers: Mapping[str, int], directory: Path
    ) -> Upgrade:
        """Start the new supervisor. Raises OSError if its program cannot be run."""
        given = {
            text: [listener.sock.fileno() for listener in listeners]
            for text, listeners in sockets.items()
        }
        ready, saying = os.pipe()
        handed = {"sockets": given, "ready": saying, **numbers}
        try:
            process = subprocess.Popen(
                sys.orig_argv,
                cwd=directory,
                env={**_environment(), VARIABLE: json.dumps(handed)},
                pass_fds=[saying, *(fd for fds in given.values() for fd in fds)],
            )
        except OSError:
            os.close(ready)
            raise
        finally:
            os.close(saying)
        return cls(process, ready)

    def fileno(self) -> int:
        """The descriptor that is readable when the new one is ready, or has failed."""
        return self._ready

    def failure(self) -> str:
        """Why the new one won't take over, or nothing; after its descriptor was readable."""
        said = os.read(self._ready, _LONGEST_REASON)
        os.close(self._ready)
        if said == _READY:
            return ""
        try:
            code = self._process.wait(_TIME_TO_END)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        return said.decode(errors="replace") or f"it ended with exit code {code}"

    def has_said(self) -> bool:
        """Whether its descriptor is readable."""
        poll = select.poll()  # select(2) knows only the first 1024 descriptors
        poll.register(self._ready, select.POLLIN)
        return bool(poll.poll(0))

    def deafen(self) -> None:
        """Whether the new one is ready is not of interest any more."""
        os.close(self._ready)

    def has_ended(self) -> bool:
        """Whether the new one is gone."""
        return self._process.poll() is not None

    def send(self, number: int) -> None:
        """Send the new one a signal; nothing happens if it has gone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the new one if it is still there."""
        self._process.kill()


class Upgrades:
    """The upgrades of a supervisor, one at a time.

    ``handed_over`` is called at a success, ``failed`` with the reason at a failure.
    """

    def __init__(
        self, loop: Loop, handed_over: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._handed_over = handed_over
        self._failed = failed
        self._directory = working_directory()
        self._running: Upgrade | None = None
        self._stopped: Upgrade | None = None

    @property
    def is_running(self) -> bool:
        """Whether a new supervisor is starting."""
        return self._running is not None

    @property
    def is_stopping(self) -> bool:
        """Whether a new supervisor that was told to stop is still there."""
        return self._stopped is not None and not self._stopped.has_ended()

    def begin(
        self, sockets: Mapping[str, list[Listener]], numbers: Mapping[str, int], longest: float
    ) -> None:
        """Start a new supervisor, unless one is starting; it has ``longest`` seconds, 0 for any.

        ``numbers`` are its first ``generation``, and how many ``workers`` there are.
        """
        if self._running is not None:
            return
        try:
            upgrade = self._running = Upgrade.begin(sockets, numbers, self._directory)
        except OSError as error:
            self._failed(str(error))
            return
        _log.info("upgrade: the new supervisor is process %d", upgrade.pid)
        self._loop.watch(upgrade, lambda: self._end(upgrade))
        if longest:
            self._loop.later(longest, lambda: self._end_late(upgrade))

    def stop(self, number: int, longest: float) -> None:
        """This server stops: so does a new supervisor, unless it has taken over already.

        It gets the signal, the second one too, and has ``longest`` seconds to end.
        """
        if self._running is not None and self._running.has_said():
            self._end(self._running)
        if self._running is not None:
            self._stopped, self._running = self._running, None
            self._loop.forget(self._stopped)
            self._stopped.deafen()
            _log.info(
                "upgrade: process %d has not taken over: it is stopped too", self._stopped.pid
            )
        if self._stopped is not None:
            self._stopped.send(number)
            self._loop.later(longest, self._stopped.kill)

    def _end_late(self, upgrade: Upgrade) -> None:
        if self._running is upgrade:
            _log.error("upgrade: process %d is late (--boot-timeout)", upgrade.pid)
            upgrade.kill()

    def _end(self, upgrade: Upgrade) -> None:
        self._running = None
        self._loop.forget(upgrade)
        if failure := upgrade.failure():
            self._failed(failure)
        else:
            _log.info("upgrade: process %d has taken over", upgrade.pid)
            self._handed_over()


@dataclass(slots=True)
class Takeover:
    """What a new supervisor was handed: listeners by their address, and whom to tell."""

    sockets: dict[str, list[Listener]]
    generation: int = 1
    """The number for the first generation here."""
    workers: int = 0
    """How many there were, 0 if nobody was before."""
    _ready: int | None = None

    @classmethod
    def from_environment(cls) -> Takeover:
        """What the environment has; nothing for a supervisor that starts afresh."""
        text = os.environ.pop(VARIABLE, "")
        if not text:
            return cls({})
        given = json.loads(text)
        sockets = {
            text: [adopt(fd) for fd in descriptors]
            for text, descriptors in given["sockets"].items()
        }
        os.set_inheritable(given["ready"], False)
        if "LISTEN_PID" in os.environ:
            os.environ["LISTEN_PID"] = str(os.getpid())
        return cls(sockets, given.get("generation", 1), given.get("workers", 0), given["ready"])

    @property
    def is_due(self) -> bool:
        """Whether an old supervisor waits to be told that it can go."""
        return self._ready is not None

    def done(self) -> None:
        """Tell the old supervisor, if there is one, that it can go."""
        self._tell(_READY)

    def failed(self, why: str) -> None:
        """Tell it that it has to go on."""
        self._tell(why.encode(errors="replace")[-_LONGEST_REASON:])

    def _tell(self, text: bytes) -> None:
        if self._ready is not None:
            with suppress(OSError):  # it may have gone
                os.write(self._ready, text)
            os.close(self._ready)
            self._ready = None


def _environment() -> dict[str, str]:
    """Ours; without the sockets of systemd if those are meant for another."""
    environ = dict(os.environ)
    if environ.get("LISTEN_PID") != str(os.getpid()):
        environ.pop("LISTEN_PID", None)
        environ.pop("LISTEN_FDS", None)
    return environ


def working_directory() -> Path:
    """The current directory by the name it was entered with: a symbolic link to a release may
    point to a newer one by the time of an upgrade. The root if it has been deleted."""
    named = Path(os.environ.get("PWD", "."))
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return Path("/")
    try:
        return named if named.is_absolute() and named.samefile(here) else here
    except OSError:
        return here
