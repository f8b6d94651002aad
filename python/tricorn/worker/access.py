"""Give a core its access log, and open the logs anew after they were rotated."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Protocol

from tricorn.config.serving import Logs
from tricorn.errors import TricornError
from tricorn.logs.access_log import open_access_log

_log = logging.getLogger("tricorn.worker")

_STREAMS = (1, 2)


class Core(Protocol):
    """What both cores have in common for the access log."""

    def access_log(self, fd: int, format: str, exclude: Sequence[str]) -> None:
        """Write access lines to a copy of ``fd``."""

    def finish_access_log(self) -> str | None:
        """Write the last lines; what to tell the operator if some are lost."""


class Logged(Protocol):
    """What has an access log."""

    def reopen_logs(self) -> None:
        """Open it anew. Raises ConfigError."""


def open_logs_anew(settings: Logs, served: Logged) -> None:
    """Open all logs anew; a mistake is told in the error log, which then is the old one."""
    from tricorn.logs.error_log import configure

    try:
        configure(settings)
        served.reopen_logs()
    except TricornError as error:
        _log.error("the logs could not be opened anew: %s", error)


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


def finish_access(core: Core) -> None:
    """Nothing is answered any more: write the last lines, and tell how many are lost."""
    if complaint := core.finish_access_log():
        _log.warning("%s", complaint)
