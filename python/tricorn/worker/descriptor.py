"""A descriptor of the server that the application has closed: then nobody can be served any more.

Programs that become daemons or start others close all descriptors that they see. What is left is a
process that lives and hears nothing, so it ends and says why; a supervisor replaces it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn

_log = logging.getLogger("tricorn.app")

EVERY = 5.0
"""Seconds between two looks."""

EXIT_CODE = 1


def watch_descriptor(fd: int, call_later: Callable[..., Any]) -> Callable[[], None]:
    """Look at ``fd`` every few seconds, and end the process if it is not what it was.

    ``call_later`` is that of an event loop. The result ends the watch.
    """
    first = _identity(fd)
    timer: Any = None

    def look() -> None:
        nonlocal timer
        if _identity(fd) != first:
            end_mute()
        timer = call_later(EVERY, look)

    look()
    return lambda: timer.cancel()


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        facts = os.fstat(fd)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def end_mute() -> NoReturn:
    """End this process, which can't hear its clients."""
    _log.critical(
        "the application has closed a descriptor of the server's (os.closerange?), so that nobody "
        "can be served any more: this process ends"
    )
    os._exit(EXIT_CODE)
