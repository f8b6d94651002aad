"""Open the listening sockets of a configuration: all of them, or none and a :class:`BindError`."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from tricorn.config.address import (
    FdAddress,
    RedirectAddress,
    TcpAddress,
    UnixAddress,
    parse_address,
)
from tricorn.config.serving import Listen
from tricorn.net.inherited import listen_inherited
from tricorn.net.listener import Listener
from tricorn.net.tcp import listen_tcp
from tricorn.net.unix import listen_unix


def open_listeners(settings: Listen) -> list[Listener]:
    """Listen on every address of ``settings.bind``, in its order.

    A host name that stands for several addresses gives a listener for each. The sockets are
    non-blocking, not inherited by child processes, and have TCP_NODELAY set for the connections
    they will accept.

    Raises BindError that names the address, the cause and the fix; nothing stays open then.
    """
    opened: list[Listener] = []
    try:
        for text in settings.bind:
            opened.extend(open_address(text, settings))
    except BaseException:
        close_listeners(opened)
        raise
    return opened


def close_listeners(listeners: Sequence[Listener]) -> None:
    """Close each listener and remove the socket files that are still ours."""
    for listener in listeners:
        listener.close()


def open_address(text: str, settings: Listen, *, only_reserve: bool = False) -> list[Listener]:
    """Listen on one address; as `open_listeners`.

    With ``only_reserve`` and ``--reuse-port``, a TCP address is bound, for others to listen on.
    """
    parsed = parse_address(text)
    match parsed:
        case TcpAddress() as address:
            shared = settings.reuse_port
            listeners = listen_tcp(
                address,
                settings.backlog,
                reuse_port=shared,
                only_reserve=only_reserve and shared,
            )
        case UnixAddress() as address:
            listeners = [listen_unix(address, settings)]
        case FdAddress() as address:
            listeners = [listen_inherited(address, settings.backlog)]
    for listener in listeners:
        _prepare(listener.sock)
        listener.redirects = isinstance(parsed, RedirectAddress)
    return listeners


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.set_inheritable(False)
    if sock.family != socket.AF_UNIX:
        # Linux hands the option on to accepted sockets, which saves a system call on each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
