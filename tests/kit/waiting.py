"""Wait for a state by polling the signal that shows it, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.005
"""Seconds between two looks at a signal that cannot wake us."""


def wait_until(look: Callable[[], T | None], what: str, *, deadline: float = 10.0) -> T:
    """Return the first true value that ``look()`` gives.

    ``deadline`` is in seconds; past it AssertionError names ``what`` was waited for.
    """
    end = time.monotonic() + deadline
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(PAUSE)
