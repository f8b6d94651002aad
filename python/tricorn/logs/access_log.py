"""Open the access log's destination; the core writes the lines to its descriptor itself."""

from __future__ import annotations

import os

from tricorn.errors import ConfigError

_STREAMS = {"-": 1, "stdout": 1, "stderr": 2}


def open_access_log(destination: str) -> int | None:
    """The descriptor that access lines go to, or None when the log is off.

    For ``stdout``, ``stderr`` and ``-`` it is that of the stream, which stays the process's own.
    For a path it is a new one in append mode, so that several workers, and logrotate's
    copytruncate, can share the file; the caller closes it. Raises ConfigError.
    """
    if destination == "off":
        return None
    if destination in _STREAMS:
        return _STREAMS[destination]
    try:
        return os.open(
            destination, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o644
        )
    except OSError as error:
        raise ConfigError(f'--access-log: cannot open "{destination}": {error.strerror}') from None
