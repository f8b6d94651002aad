"""What holds up the end of a server and of its process, for the log.

Python waits at its end for threads that are no daemons, those of executors too, and then runs exit
handlers. Whoever watches would see a server that has stopped, and a process that stays.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_life = logging.getLogger("tricorn.life")

_FIRST = 3.0
"""Seconds until it is told what is waited for: a clean-up may take a moment."""
_AGAIN = 10.0
"""Seconds between the lines after that."""
_QUICKLY = 1.0
"""Seconds from the wish to stop quickly until it is told: a supervisor kills soon after that."""
_AT_LEAST = 0.1
"""Seconds that whatever comes last then gets."""
_SHOWN = 10
"""Names in one line at the most."""

_told_by: float | None = None
"""When a quick stop has to be told, by the monotonic clock."""


def expect_kill() -> None:
    """Have what is waited for told soon. May be called from a signal handler."""
    global _told_by
    _told_by = time.monotonic() + _QUICKLY


def _patience() -> float:
    """Seconds until it is told what is waited for."""
    left = _FIRST if _told_by is None else _told_by - time.monotonic()
    return max(_AT_LEAST, min(left, _FIRST))


def tell(text: str, *args: object, level: int = logging.INFO) -> None:
    """Of the server's life. A handler that the application has added may raise."""
    with suppress(Exception):
        _life.log(level, text, *args)


@contextmanager
def told(what: Callable[[], str]) -> Iterator[None]:
    """Say what the block waits for if it takes long, also if it blocks this thread."""
    over = threading.Event()
    begun = time.monotonic()

    def look() -> None:
        seconds = _patience()
        while not over.wait(seconds):
            seconds = _AGAIN
            tell("still waiting for %s after %s", what(), _since(begun))

    _start(look)
    try:
        yield
    finally:
        over.set()


def close_runner(runner: asyncio.Runner) -> None:
    """End what the application has left in the event loop, and say what takes long."""
    import asyncio

    tasks = asyncio.all_tasks(runner.get_loop())
    threads = _threads()  # of now: the loop's end makes some of its own

    def left() -> str:
        names = [f"task {task.get_name()!r}" for task in tasks if not task.done()]
        names += [_named(one) for one in threads if one.is_alive()]
        return f"{', '.join(names[:_SHOWN]) or 'the event loop'} of the application"

    with told(left):
        runner.close()


class LastWord:
    """Says that the server has ``stopped`` when nothing but the interpreter is left to end.

    Exit handlers run in the reverse of their order, so this must be made before the application is
    loaded. It keeps silent unless `is_due`.
    """

    def __init__(self) -> None:
        self.is_due = False
        self._pid = os.getpid()
        atexit.register(self._say)

    def _say(self) -> None:
        if self.is_due and os.getpid() == self._pid:
            tell("stopped")


def tell_at_exit() -> None:
    """From now on the end of the interpreter tells what holds it up.

    Executors wait for their threads before any exit handler, and have no other way to be heard
    than this one either. What is registered last is called first. The thread that tells must be
    there by then: Python 3.12 starts none during its end.
    """
    register: Callable[..., object] | None = getattr(threading, "_register_atexit", None)
    ends = threading.Event()
    if register is not None:
        with suppress(RuntimeError):  # the end has begun
            register(ends.set)
            _start(partial(_tell_held, ends))


def _tell_held(ends: threading.Event) -> None:
    ends.wait()
    begun = time.monotonic()
    time.sleep(_patience())
    named: set[threading.Thread] = set()
    while True:
        threads = _threads()
        for one in [one for one in threads if one not in named][:_SHOWN]:
            named.add(one)
            text = "%s of the application still runs: the process ends with it"
            tell(text, _named(one), level=logging.WARNING)
        if not threads:
            what = "the exit handlers of the application"
            tell("still waiting for %s (atexit) after %s", what, _since(begun))
        time.sleep(_AGAIN)


def _since(begun: float) -> str:
    seconds = time.monotonic() - begun
    return f"{seconds:.{1 if seconds < _QUICKLY else 0}f} s"


def _threads() -> list[threading.Thread]:
    """Those that Python waits for at its end."""
    main = threading.main_thread()
    return [one for one in threading.enumerate() if not (one.daemon or one is main)]


def _named(thread: threading.Thread) -> str:
    return f"thread {thread.name!r}"


def _start(call: Callable[[], None]) -> None:
    """Run it beside; where no thread can be started, nothing is told."""
    with suppress(RuntimeError):
        threading.Thread(target=call, name="tricorn-ending", daemon=True).start()
