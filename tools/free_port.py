"""Prints the default port if nobody listens on it, else 0, which means any free one."""

from __future__ import annotations

import socket

DEFAULT = 8000

with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", DEFAULT))
    except OSError:
        print(0)
    else:
        print(DEFAULT)
