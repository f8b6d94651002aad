"""Listen on a socket that was opened by another process and handed to us by its number."""

from __future__ import annotations

import socket

from tricorn.config.address import FdAddress
from tricorn.errors import BindError
from tricorn.net.listener import Listener

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def listen_inherited(address: FdAddress, backlog: int) -> Listener:
    """Take over descriptor N; call listen(2) only if its maker has not.

    Raises BindError when it is not an open stream socket bound to an address.
    """
    sock = _adopt(address)
    try:
        _check(address, sock)
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            sock.listen(backlog)
    except OSError as error:
        sock.detach()
        raise BindError(f"cannot listen on {address}: {error.strerror}") from None
    except BindError:
        sock.detach()
        raise
    return Listener(sock)


def _adopt(address: FdAddress) -> socket.socket:
    try:
        return socket.socket(fileno=address.fd)
    except OSError:
        raise BindError(
            f"cannot listen on {address}: descriptor {address.fd} is not an open socket. "
            "The process that starts the server must pass it on (systemd: Sockets=, "
            "Python: pass_fds=)."
        ) from None


def _check(address: FdAddress, sock: socket.socket) -> None:
    if sock.type != socket.SOCK_STREAM or sock.family not in _FAMILIES:
        raise BindError(f"cannot listen on {address}: it is not a TCP or unix stream socket")
    unbound = "" if sock.family == socket.AF_UNIX else 0
    name = sock.getsockname()
    if (name if sock.family == socket.AF_UNIX else name[1]) == unbound:
        raise BindError(f"cannot listen on {address}: the socket is not bound to an address")
    try:
        sock.getpeername()
    except OSError:
        return
    raise BindError(f"cannot listen on {address}: it is a connection, not a listening socket")
