"""Open the access log's destination; the core writes the lines to its descriptor itself."""

from __future__ import annotations

import sys
from dataclasses import replace

from tricorn.config import Config
from tricorn.config.origin import DEFAULT
from tricorn.logs.error_log import use_colors
from tricorn.logs.files import open_log

_STREAMS = {"-": 1, "stdout": 1, "stderr": 2}
_SHORT = '%(h)s "%(r)s" %(s)s %(b)s %(M)s ms'
_COLORED = '\x1b[2m%(h)s\x1b[0m "%(r)s" %(color)s%(s)s\x1b[0m \x1b[2m%(b)s %(M)s ms\x1b[0m'


def settle_access_log(config: Config) -> Config:
    """The configuration with what ``--access-log auto`` means here and now.

    That is stdout in development, with ``--reload`` or if one process serves and stdout is a
    terminal; else it is off. Without a format of the user's, lines are short there, and coloured as
    ``--color`` says.
    """
    logs = config.logs
    if logs.access_log != "auto":
        return config
    develops = config.development.reload or (not config.is_supervised and sys.stdout.isatty())
    format_origin = config.origins["access_log_format"]
    if not develops or config.operations.daemon:
        settled = replace(config, logs=replace(logs, access_log="off"))
        if format_origin is DEFAULT:
            return settled
        text = f"{format_origin}: does nothing without --access-log"
        return replace(settled, overlooked=(*config.overlooked, text))
    form = logs.access_log_format
    if format_origin is DEFAULT:
        form = _COLORED if use_colors(logs.color, sys.stdout) else _SHORT
    return replace(config, logs=replace(logs, access_log="stdout", access_log_format=form))


def open_access_log(destination: str) -> int | None:
    """The descriptor that access lines go to, or None when the log is off.

    For ``stdout``, ``stderr`` and ``-`` it is that of the stream, which stays the process's own.
    For a path it is a new one in append mode, so that several workers, and logrotate's
    copytruncate, can share the file; the caller closes it. Raises ConfigError.
    """
    if destination in ("off", "auto"):  # nobody has settled it: a program that serves by itself
        return None
    if destination in _STREAMS:
        return _STREAMS[destination]
    return open_log("--access-log", destination)
