"""Give a core its access log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from tricorn.config.serving import Logs
from tricorn.logs.access_log import open_access_log

_STREAMS = (1, 2)


class Core(Protocol):
    """What both cores have in common for the access log."""

    def access_log(self, fd: int, format: str, exclude: Sequence[str]) -> None:
        """Write access lines to a copy of ``fd``."""


def open_access(core: Core, settings: Logs) -> None:
    """Open the destination that the settings name and hand it to the core."""
    fd = open_access_log(settings.access_log)
    if fd is None:
        return
    try:
        core.access_log(fd, settings.access_log_format, list(settings.access_log_exclude))
    finally:
        if fd not in _STREAMS:
            os.close(fd)
