"""The signals that end a server: the first asks it to stop, a second ends the process at once."""

from __future__ import annotations

import math
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_LONGEST = 86400.0
"""Seconds of one wait: poll(2) takes milliseconds in 31 bits."""


def readable(descriptors: Collection[int], seconds: float | None = None) -> set[int]:
    """Those that can be read, or have ended, within ``seconds``, but a day at the latest.

    By poll(2), as select(2) knows only the first 1024 descriptors.
    """
    poll = select.poll()
    for fd in descriptors:
        poll.register(fd, select.POLLIN)
    longest = _LONGEST if seconds is None else max(0.0, min(seconds, _LONGEST))
    return {fd for fd, _ in poll.poll(math.ceil(1000 * longest))}


def take_early() -> None:
    """Before the application is loaded: have signals end a process that would not hear them.

    Process 1 has no default actions, and a shell ignores SIGINT for what a script starts with &.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            _end_at_next(number)


@contextmanager
def stop_signals(stop: Callable[[int], object]) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP call ``stop`` inside the block; then any ends the process at once.

    It gets the signal's number. SIGHUP is left alone where it is ignored, as by nohup(1); elsewhere
    a terminal that closes, or somebody who takes this process for a supervisor, costs no request.

    The kernel resets a handler when it delivers the signal, so a second one works whatever the
    application does then, a blocking call in C included. Signals reach only the main thread: in
    any other, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [one for one in _NUMBERS if not _is_left_alone(one)]

    def handler(number: int, frame: object) -> None:
        for one in numbers:
            _end_at_next(one)
        stop(number)

    previous = {number: signal.signal(number, handler) for number in numbers}
    for number in numbers:
        _end_at_second(number)
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)
            if earlier is signal.SIG_DFL:
                _end_at_next(number)


def _is_left_alone(number: signal.Signals) -> bool:
    # A shell ignores SIGINT for what a script starts with &; that is not about stopping a server.
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _end_at_next(number: signal.Signals) -> None:
    """Have a signal end the process at once; process 1 too, which has no default actions."""
    if os.getpid() == 1:
        from tricorn._core import end_first_process

        end_first_process(number, False)
    else:
        signal.signal(number, signal.SIG_DFL)


def _end_at_second(number: signal.Signals) -> None:
    """Let the handler have the next one; the one after it ends the process, whatever that does."""
    from tricorn._core import end_first_process, reset_on_delivery

    if os.getpid() == 1:
        end_first_process(number, True)
    else:
        reset_on_delivery(number)


class Waker:
    """Lets a thread sleep until it is woken, also by a signal that another thread was given.

    A lock would do for the first, but not for the second: the kernel may deliver a signal to any
    thread, and CPython's handler then only makes a note for the main thread, which sleeps on. To a
    descriptor it writes (`signal.set_wakeup_fd`), and a read of that returns.
    """

    _woken_by: int | None = None
    _next: tuple[float, Callable[[], None]] | None = None

    def __init__(self) -> None:
        self._calls: deque[Callable[[], object]] = deque()

    def __enter__(self) -> Waker:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_main:
            signal.set_wakeup_fd(self._previous)
        os.close(self._read)
        os.close(self._write)

    def wake(self, number: int) -> None:
        """Have `wait` return ``number``; also from a signal handler."""
        self._woken_by = number
        os.write(self._write, b"\0")

    def soon(self, call: Callable[[], object]) -> None:
        """Have `wait` make a call; also from a signal handler."""
        self._calls.append(call)
        with suppress(BlockingIOError):  # it is full, and wakes all the same
            os.write(self._write, b"\0")

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Have `wait` make a call after so many seconds; another one before that replaces it."""
        self._next = (time.monotonic() + seconds, call)

    def wait(self) -> int:
        """Sleep until `wake` was called. Handlers of signals run meanwhile."""
        while self._woken_by is None:
            while self._calls:
                self._calls.popleft()()
            if self._next is None:
                os.read(self._read, 1)
                continue
            due, call = self._next
            if readable({self._read}, due - time.monotonic()):
                os.read(self._read, 1)
            elif time.monotonic() >= due:
                self._next = None
                call()
        return self._woken_by
