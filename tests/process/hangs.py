"""Ways in which a call of an application never returns, for applications that are to hang."""

from __future__ import annotations

import ctypes
import threading
import time

LOCK = threading.Lock()


def spin() -> None:
    """Compute for ever, with the interpreter."""
    while True:
        pass


def block() -> None:
    """Wait in C, without the interpreter."""
    time.sleep(3600)


def keep() -> None:
    """Wait in C, and keep the interpreter from everybody else; no signal ends that either."""
    lock = ctypes.create_string_buffer(64)  # PTHREAD_MUTEX_INITIALIZER
    for _ in range(2):
        ctypes.PyDLL(None).pthread_mutex_lock(lock)


def deadlock() -> None:
    """Take a lock twice."""
    with LOCK:
        take_again(LOCK)


def take_again(lock: threading.Lock) -> None:
    """Wait for a lock that this thread has."""
    lock.acquire()


def refuse() -> None:
    """Go on after each exception."""
    while True:
        try:
            while True:
                time.sleep(0.001)
        except BaseException:
            pass


CALLS = {f"/{call.__name__}": call for call in (spin, block, keep, deadlock, refuse)}
"""Each by the path that leads to it."""
