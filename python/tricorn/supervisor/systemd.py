"""systemd: tell it our state, and learn how often it wants to hear from us.

The protocols are those of sd_notify(3) and sd_watchdog_enabled(3); each is a few environment
variables and at most one datagram, so no library is needed.
"""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress

_LONGEST_SEND = 1.0
"""Seconds that a full queue of systemd's may hold us; it reads all the time."""


def notify(**fields: object) -> bool:
    """Send fields to the service manager: ``notify(READY=1, STATUS="2 workers", MAINPID=pid)``.

    Whether it was sent: not without ``NOTIFY_SOCKET``, or if nobody takes it. Raises nothing, since
    the server goes on without systemd as well.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace, unix(7)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_LONGEST_SEND)
        sock.connect(address)
        sock.send(_text(fields).encode())
        return True
    return False


def notify_reloading(status: str) -> bool:
    """Tell the service manager that a reload begins; READY=1 ends it.

    With ``Type=notify-reload`` it wants to know when, to tell this reload from an earlier one.
    """
    return notify(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000, STATUS=status)


def _text(fields: dict[str, object]) -> str:
    # One field is one line, so a value has none inside.
    lines = (f"{name}={' '.join(str(value).splitlines())}" for name, value in fields.items())
    return "\n".join(lines)


def watchdog_seconds() -> float | None:
    """Seconds within which the service manager wants to hear ``WATCHDOG=1``, or None.

    To be safe, send it twice as often. WATCHDOG_PID is removed from the environment if it is ours,
    so that a supervisor that takes over from this one knows that it is its turn. Raises nothing: a
    value that is no number is not for us.
    """
    micros = os.environ.get("WATCHDOG_USEC", "")
    if not re.fullmatch(r"[1-9][0-9]{0,17}", micros) or not _is_for_us("WATCHDOG_PID", True):
        return None
    os.environ.pop("WATCHDOG_PID", None)
    return int(micros) / 1_000_000


def _is_for_us(variable: str, unset: bool) -> bool:
    value = os.environ.get(variable)
    return unset if value is None else value == str(os.getpid())
