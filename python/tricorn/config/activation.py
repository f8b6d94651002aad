"""Sockets that a service manager has opened for us, as addresses: sd_listen_fds(3) of systemd."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

SUCCESSOR = "_TRICORN_TAKEOVER"
"""Set for a supervisor that takes over from another, whose sockets it has under the same names."""

_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 1024


def activated(environ: Mapping[str, str]) -> tuple[str, ...]:
    """``fd://3`` and so on for each socket passed on; none if they are meant for another process.

    The variables stay: a reload reads them again, and for other processes they do not count.

    Raises ValueError for a count that can't be right.
    """
    count = environ.get("LISTEN_FDS", "")
    ours = environ.get("LISTEN_PID") == str(os.getpid()) or SUCCESSOR in environ
    if not (count and ours):
        return ()
    if not re.fullmatch(r"[0-9]{1,4}", count) or int(count) > _MOST:
        raise ValueError(f'"{count}" is not a number up to {_MOST}')
    return tuple(f"fd://{fd}" for fd in range(_FIRST, _FIRST + int(count)))
