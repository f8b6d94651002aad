"""Process titles: what ps and top show, as ``tricorn: worker 3 [gen 2] serving 4``.

With the library setproctitle the whole title is shown. Without it, Linux lets a process set the
15 letters of its ``comm``, which is enough to tell supervisor and workers apart. The file is used
and not prctl(2), since ctypes would cost a supervisor a megabyte. Titles are never worth an error.

``comm`` never has a space: CPython 3.12 and later read the number of threads from /proc/self/stat
at a fork, are one field off then, and warn of as many threads as nice(1) says.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
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
    return Title(text.rstrip(), _short(name, "super"))


def worker_title(name: str, number: int, generation: int, state: str = "") -> Title:
    """A worker's: ``tricorn: worker 3 [gen 2] serving 4``; ``state`` as ``serving 4``."""
    text = f"{name}: worker {number} [gen {generation}] {state}"
    return Title(text.rstrip(), _short(name, f"w{number}"))


def shows_all() -> bool:
    """Whether whole titles can be shown."""
    return find_spec("setproctitle") is not None


def _short(name: str, what: str) -> str:
    room = _LONGEST_COMM - 1 - len(what)
    start = name.encode()[:room].decode(errors="ignore")
    return "-".join([*start.split(), what])


def set_title(title: Title) -> None:
    """Show a title for this process. Raises nothing.

    The library overwrites the process's arguments in place: call this in the supervisor before it
    forks, so that workers find the library loaded.
    """
    with suppress(Exception):
        try:
            from setproctitle import setproctitle, setthreadtitle
        except ImportError:
            # A worker that has dropped its privileges may not write it any more: set it before.
            _COMM.write_bytes(title.short.encode())
        else:
            setproctitle(title.text)
            setthreadtitle(title.short)  # comm, which the line above has set to its own beginning
