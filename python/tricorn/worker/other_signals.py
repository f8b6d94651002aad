"""Signals that are for a supervisor, in a process that has none: they must not end or suspend it.

They are taken before the application is loaded, so what it does with them itself, by then or later,
takes their place. A handler may have interrupted anything, another message too: so it only hands
the signal on to whoever serves.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tricorn.config.serving import Logs
from tricorn.worker.access import Logged, open_logs_anew

_log = logging.getLogger("tricorn.life")

_REOPEN = signal.SIGUSR1
_FOR_WORKERS = {
    signal.SIGUSR2: "upgrading in place",
    signal.SIGTTIN: "changing the number of workers",
    signal.SIGTTOU: "changing the number of workers",
}
_OF_TERMINALS = (signal.SIGTTIN, signal.SIGTTOU)
"""A terminal suspends by them who uses it from the background: without that, a call that is only
interrupted would be tried again for ever."""

_listener: Callable[[int], object] | None = None
"""Takes the number of each that comes; nobody does before and after the server serves."""


def take_others() -> Callable[[], None]:
    """Take those that have their default action; returns what gives them back.

    Nothing is changed in a thread that is not the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    numbers = [_REOPEN, *_FOR_WORKERS]
    if _has_terminal():
        numbers = [one for one in numbers if one not in _OF_TERMINALS]
    taken = [one for one in numbers if _is_default(one)]
    for one in taken:
        signal.signal(one, _handler)

    def give_back() -> None:
        for one in taken:
            if signal.getsignal(one) is _handler:
                signal.signal(one, signal.SIG_DFL)

    return give_back


@contextmanager
def heard(listener: Callable[[int], object]) -> Iterator[None]:
    """Those that come inside the block go to ``listener``, which is called in a signal handler.

    In a thread that is not the main one, it hears nothing.
    """
    global _listener
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def obey(number: int, settings: Logs, served: Logged) -> None:
    """Do what a signal asks for, or say why it is not done."""
    if number == _REOPEN:
        open_logs_anew(settings, served)
        return
    one = signal.Signals(number)
    _log.warning("%s is ignored: %s needs --workers", one.name, _FOR_WORKERS[one])


def _handler(number: int, frame: object) -> None:
    if _listener is not None:
        _listener(number)


def _is_default(number: signal.Signals) -> bool:
    """Whether nobody has it: Python does not know of a handler in C, as faulthandler's; proc(5)."""
    if signal.getsignal(number) is not signal.SIG_DFL:
        return False
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # another system
        return True
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
    return not int(caught.split()[1], 16) >> (number - 1) & 1


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
