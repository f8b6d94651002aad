"""What the supervisor waits for: descriptors that become readable, and times that come."""

from __future__ import annotations

import logging
import math
import selectors
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from tricorn.errors import TricornError

_log = logging.getLogger("tricorn.supervisor")


_LONGEST = 86400.0
"""Seconds of one wait: epoll takes milliseconds in 31 bits, 24.8 days."""


class HasFileno(Protocol):
    """What can be waited for."""

    def fileno(self) -> int:
        """The descriptor that is readable when there is something to do."""


class Loop:
    """One thread's selector, and calls for later; times are those of ``time.monotonic``."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, Callable[[], None]]] = []

    def watch(self, source: HasFileno, call: Callable[[], None]) -> None:
        """Call it whenever ``source`` is readable."""
        self._selector.register(source, selectors.EVENT_READ, call)

    def forget(self, source: HasFileno) -> None:
        """Wait for it no longer; nothing happens if nobody did."""
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def watches(self, source: HasFileno) -> bool:
        """Whether it is waited for."""
        return source in self._selector.get_map()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, after so many seconds."""
        self._later.append((time.monotonic() + seconds, call))

    def wait(self, until: float | None, at_most: Iterable[float | None]) -> None:
        """Wait for a descriptor, the time ``until``, or so many seconds; then make the calls."""
        now = time.monotonic()
        times = [until, *(time for time, _ in self._later)]
        waits = [*at_most, *(max(0.0, one - now) for one in times if one is not None)]
        ends = [one for one in waits if one is not None and one < math.inf]
        for key, _ in self._selector.select(min([*ends, _LONGEST])):
            # One call may end what another was about: its descriptor is closed, or even new.
            if self._selector.get_map().get(key.fd) == key:
                _make(key.data)
        now = time.monotonic()
        due = [call for time, call in self._later if time <= now]
        self._later = [(time, call) for time, call in self._later if time > now]
        for call in due:
            _make(call)

    def close(self) -> None:
        """Wait for nothing any more; the descriptors stay open."""
        self._selector.close()


def _make(call: Callable[[], None]) -> None:
    """Make a call; a mistake of ours must not end the server, so it is logged."""
    try:
        call()
    except TricornError:
        raise
    except Exception:
        _log.exception("a bug in Tricorn's supervisor, please report it")
