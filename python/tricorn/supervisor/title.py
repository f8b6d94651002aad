"""Process titles: what ps and top show, as ``tricorn: worker 3 [gen 2] serving 4``.

With the library setproctitle the whole title is shown. Without it, Linux lets a process set the
15 letters of its ``comm``, which is enough to tell supervisor and workers apart. The file is used
and not prctl(2), since ctypes would cost a supervisor a megabyte. Titles are never worth an error.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_COMM = Path("/proc/self/comm")
_LONGEST_COMM = 15  # TASK_COMM_LEN less the NUL


@dataclass(frozen=True, slots=True)
class Title:
    """A title, and its short form for where there is little room."""

    text: str
    short: str


def supervisor_title(name: str, app: str, state: str = "") -> Title:
    """The supervisor's: ``tricorn: supervisor [main:app]``; ``state`` as ``reloading``."""
    text = f"{name}: supervisor [{app}] {state}"
    return Title(text.rstrip(), f"{name[:8]} super")


def worker_title(name: str, number: int, generation: int, state: str = "") -> Title:
    """A worker's: ``tricorn: worker 3 [gen 2] serving 4``; ``state`` as ``serving 4``."""
    text = f"{name}: worker {number} [gen {generation}] {state}"
    return Title(text.rstrip(), f"{name[:8]} w{number}")


def set_title(title: Title) -> None:
    """Show a title for this process. Raises nothing.

    The library overwrites the process's arguments in place: call this in the supervisor before it
    forks, so that workers find the library loaded.
    """
    with suppress(Exception):
        try:
            from setproctitle import setproctitle
        except ImportError:
            _set_comm(title.short)
        else:
            setproctitle(title.text)


def _set_comm(short: str) -> None:
    # A worker that has dropped its privileges may not write it any more: set it before.
    _COMM.write_bytes(short.encode()[:_LONGEST_COMM])
