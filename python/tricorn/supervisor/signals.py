"""The signals of a supervisor, as one table, and their way into its loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from tricorn.supervisor.policy import QUICK


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a signal to the supervisor asks for: the name of the command, and a sentence."""

    command: str
    help: str


TABLE: dict[signal.Signals, Meaning] = {
    signal.SIGTERM: Meaning(
        "stop",
        "Stop: workers finish what they have within the graceful timeout. Again: at once. What "
        "asks for a change (SIGHUP, SIGUSR2, SIGTTIN, SIGTTOU) is refused from then on.",
    ),
    signal.SIGINT: Meaning(
        "quit",
        "Stop quickly: requests in flight are cancelled, and a worker that is not gone after "
        f"{QUICK:g} s is killed, also in its lifespan shutdown. Again: at once.",
    ),
    signal.SIGQUIT: Meaning("quit", "The same as SIGINT."),
    signal.SIGHUP: Meaning(
        "reload",
        "Read configuration and code again: new workers start, and the old ones leave when "
        "the new ones answer.",
    ),
    signal.SIGUSR1: Meaning("reopen", "Open the log files again, after they were rotated."),
    signal.SIGUSR2: Meaning(
        "upgrade",
        "Start a new supervisor with the same command, on the same sockets; when its workers "
        "answer, this one retires. A stop before that ends the new one too.",
    ),
    signal.SIGTTIN: Meaning("more", "One worker more."),
    signal.SIGTTOU: Meaning("fewer", "One worker fewer, but never less than one."),
    signal.SIGWINCH: Meaning(
        "rest", "Stop the workers and keep listening; SIGHUP starts them. Not on a terminal."
    ),
    signal.SIGCHLD: Meaning("reap", "A worker has ended."),
}

CHANGES = frozenset({"reload", "upgrade", "more", "fewer"})
"""The commands that are refused once a stop is announced."""


class Inlet:
    """Signals as bytes in a pipe, so that the loop waits for them as for everything else."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._previous = {number: signal.signal(number, _nothing) for number in TABLE}
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """The descriptor that is readable when a signal has come."""
        return self._read

    def commands(self) -> Iterator[tuple[str, str]]:
        """What the signals that have come since ask for, and their names, in their order."""
        try:
            numbers = os.read(self._read, 4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number in TABLE:
                one = signal.Signals(number)
                yield TABLE[one].command, one.name

    def close(self) -> None:
        """Give the signals back; also for a forked child."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        os.close(self._read)
        os.close(self._write)


def _nothing(number: int, frame: FrameType | None) -> None:
    """A handler must be there, or the signal would take its default effect."""
