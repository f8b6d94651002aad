"""The Python stacks of a worker, written by the worker even while it hangs.

The worker has `faulthandler` write those of its threads when a signal comes: its handler is in C
and needs neither the interpreter's lock nor a thread that answers, so it also works in a busy loop
or a deadlock. Where suspended tasks are, only the event loop can tell; it is ordered to by a pipe,
and a loop that is blocked leaves it out. It has a file of its own: the handler may write at the
same time.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile
from collections.abc import Callable
from typing import IO

SIGNAL = signal.SIGUSR2
"""Asks a worker for its stacks."""
DELAY = 0.3
"""Seconds that a worker gets to write them before it is killed."""
_MOST = 1 << 20
"""Bytes that are read of a file: a worker can make it as long as it likes."""


class Stacks:
    """Two files without names, made before the fork and known to both sides."""

    def __init__(self) -> None:
        self._file = _nameless("stacks")
        self._tasks = _nameless("tasks")
        self.ask_for_tasks: Callable[[], object] = lambda: None
        """Orders the worker to tell where its tasks are."""

    @property
    def tasks(self) -> int:
        """The descriptor to which the event loop writes where its tasks are."""
        return self._tasks.fileno()

    def write_on_signal(self) -> None:
        """In the worker: write the stacks of all threads whenever the signal comes."""
        os.set_inheritable(self._file.fileno(), False)
        faulthandler.register(SIGNAL, file=self._file, all_threads=True)

    def ask(self, pid: int) -> None:
        """In the supervisor: forget what was written, and ask for it anew."""
        for file in (self._file, self._tasks):
            file.seek(0)
            file.truncate()
        self.ask_for_tasks()
        os.kill(pid, SIGNAL)

    def text(self) -> str:
        """What the worker has written: its threads, then the requests of its event loop."""
        return "\n\n".join(part for part in map(_text, (self._file, self._tasks)) if part)

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        self._tasks.close()


def _nameless(what: str) -> IO[bytes]:
    """A file that only these processes know: in memory, as there may be no disk to write to."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(f"tricorn-{what}"), "w+b")
    return tempfile.TemporaryFile(prefix=f"tricorn-{what}-")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    text = file.read(_MOST).decode(errors="replace").strip()
    return f"{text}\n(and more)" if file.read(1) else text
