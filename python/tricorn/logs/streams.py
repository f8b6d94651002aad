"""The standard streams: there may be nobody to hear what is said on them, and the server serves."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_FILES = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def open_streams() -> None:
    """Have something behind each standard stream that is closed: /dev/null.

    Else the next socket or file would get its number, and what is written to the stream.
    """
    for fd, name, mode in _FILES:
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, closefd=False))  # noqa: SIM115


def say(text: str) -> None:
    """Tell whoever has started the server; nothing happens if the disk is full or nobody reads."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def flush_streams() -> None:
    """Write what is buffered, as far as that is possible."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def leave_streams() -> None:
    """At the end: what can't be written is dropped, or the interpreter would end with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
