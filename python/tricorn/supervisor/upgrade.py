"""Hand the listening sockets to a new supervisor, which may be another Python or another Tricorn.

The old one starts the new one with its own command line. The new one finds the sockets in its
environment, starts its workers, and says so over a pipe; then the old one retires. If the pipe ends
without a word, the new one has failed and nothing changes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tricorn.net.listener import Listener
from tricorn.net.takeover import adopt
from tricorn.supervisor.loop import Loop

_log = logging.getLogger("tricorn.supervisor")

VARIABLE = "_TRICORN_TAKEOVER"
"""JSON: ``{"sockets": {address: [descriptor, …]}, "ready": descriptor}``."""


class Upgrade:
    """A new supervisor on its way, seen from the old one."""

    def __init__(self, process: subprocess.Popen[bytes], ready: int) -> None:
        self.pid = process.pid
        self._process = process
        self._ready = ready

    @classmethod
    def begin(cls, sockets: Mapping[str, list[Listener]], directory: Path) -> Upgrade:
        """Start the new supervisor. Raises OSError if its program cannot be run."""
        given = {
            text: [listener.sock.fileno() for listener in listeners]
            for text, listeners in sockets.items()
        }
        ready, saying = os.pipe()
        try:
            process = subprocess.Popen(
                sys.orig_argv,
                cwd=directory,
                env={**os.environ, VARIABLE: json.dumps({"sockets": given, "ready": saying})},
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

    def succeeded(self) -> bool:
        """Whether the new one answers requests; after its descriptor was readable."""
        said = os.read(self._ready, 1)
        os.close(self._ready)
        if not said:
            self._process.wait()
        return bool(said)


class Upgrades:
    """The upgrades of a supervisor, one at a time; ``handed_over`` is called at a success."""

    def __init__(self, loop: Loop, handed_over: Callable[[], None]) -> None:
        self._loop = loop
        self._handed_over = handed_over
        self._directory = working_directory()
        self._running: Upgrade | None = None

    def begin(self, sockets: Mapping[str, list[Listener]]) -> None:
        """Start a new supervisor, unless one is starting."""
        if self._running is not None:
            return
        try:
            upgrade = self._running = Upgrade.begin(sockets, self._directory)
        except OSError as error:
            _log.error("upgrade failed, the server goes on as it was: %s", error)
            return
        _log.info("upgrade: the new supervisor is process %d", upgrade.pid)
        self._loop.watch(upgrade, lambda: self._end(upgrade))

    def _end(self, upgrade: Upgrade) -> None:
        self._running = None
        self._loop.forget(upgrade)
        if upgrade.succeeded():
            _log.info("upgrade: process %d has taken over", upgrade.pid)
            self._handed_over()
        else:
            _log.error("upgrade failed, the server goes on as it was")


@dataclass(slots=True)
class Takeover:
    """What a new supervisor was handed: listeners by their address, and whom to tell."""

    sockets: dict[str, list[Listener]]
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
        return cls(sockets, given["ready"])

    @property
    def is_due(self) -> bool:
        """Whether an old supervisor waits to be told that it can go."""
        return self._ready is not None

    def done(self) -> None:
        """Tell the old supervisor, if there is one, that it can go."""
        if self._ready is not None:
            os.write(self._ready, b"r")
            os.close(self._ready)
            self._ready = None


def working_directory() -> Path:
    """The current directory by the name it was entered with: a symbolic link to a release may
    point to a newer one by the time of an upgrade."""
    here, named = Path.cwd(), Path(os.environ.get("PWD", "."))
    try:
        return named if named.is_absolute() and named.samefile(here) else here
    except OSError:
        return here
