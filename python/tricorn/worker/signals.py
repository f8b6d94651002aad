"""The signals that end a server: the first asks it to stop, a second ends the process at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(stop: Callable[[], object]) -> Iterator[None]:
    """SIGINT and SIGTERM call ``stop`` inside the block; after the first, either ends the process.

    The kernel resets a handler when it delivers the signal, so a second one works whatever the
    application does then, a blocking call in C included. Signals reach only the main thread: in
    any other, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from tricorn._core import reset_on_delivery

    def handler(number: int, frame: object) -> None:
        for one in _NUMBERS:
            signal.signal(one, signal.SIG_DFL)
        stop()

    previous = {number: signal.signal(number, handler) for number in _NUMBERS}
    for number in _NUMBERS:
        reset_on_delivery(number)
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)
