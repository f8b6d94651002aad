"""Take over a listening socket of ours from another process, with its file if it has one."""

from __future__ import annotations

import os
import socket

from tricorn.net.listener import FileIdentity, Listener


def adopt(fd: int) -> Listener:
    """The listener on an inherited descriptor; it removes its socket file at its end."""
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        return Listener(sock)
    path = os.fsdecode(sock.getsockname())
    return Listener(sock, path, FileIdentity.of(path))


def let_go(listener: Listener) -> None:
    """Close our copy of a socket that another process goes on with; its file stays."""
    listener.path = None
    listener.close()
