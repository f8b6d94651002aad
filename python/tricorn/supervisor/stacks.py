"""The Python stacks of a worker, written by the worker even while it hangs.

The worker has `faulthandler` write them when a signal comes: its handler is in C and needs neither
the interpreter's lock nor a thread that answers, so it also works in a busy loop or a deadlock.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile

SIGNAL = signal.SIGUSR2
"""Asks a worker for its stacks."""
DELAY = 0.3
"""Seconds that a worker gets to write them before it is killed."""


class Stacks:
    """A file without a name, made before the fork and known to both sides."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tricorn-stacks-")  # noqa: SIM115

    def write_on_signal(self) -> None:
        """In the worker: write the stacks of all threads whenever the signal comes."""
        os.set_inheritable(self._file.fileno(), False)
        faulthandler.register(SIGNAL, file=self._file, all_threads=True)

    def ask(self, pid: int) -> None:
        """In the supervisor: forget what was written, and ask for it anew."""
        self._file.seek(0)
        self._file.truncate()
        os.kill(pid, SIGNAL)

    def text(self) -> str:
        """What the worker has written, without the file's own name for the newest frame."""
        self._file.seek(0)
        return self._file.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
