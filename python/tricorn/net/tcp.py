"""Listen on TCP addresses, and say why where that fails."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path

from tricorn.config.address import TcpAddress
from tricorn.errors import BindError
from tricorn.net.holder import tcp_holder
from tricorn.net.listener import Listener

# What a host without IPv6 answers for ::1, which its hosts file may still list as localhost.
_NOT_ON_THIS_HOST = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def listen_tcp(
    address: TcpAddress, backlog: int, *, reuse_port: bool = False, only_reserve: bool = False
) -> list[Listener]:
    """Listen on each address the host name stands for, or ``only_reserve`` it.

    Of several, those this host does not have are left out. With port 0 the first takes a free
    port and the others the same one. Raises BindError.
    """
    listeners: list[Listener] = []
    missing: OSError | None = None
    port = address.port
    for family, host in _resolve(address):
        try:
            sock = bind(family, (host, port), reuse_port=reuse_port)
            if not only_reserve:
                _listen(sock, backlog)
        except OSError as error:
            if error.errno in _NOT_ON_THIS_HOST:
                missing = error
                continue
            for listener in listeners:
                listener.close()
            raise _failure(address, host, error) from None
        listeners.append(Listener(sock))
        port = sock.getsockname()[1]
    if missing is not None and not listeners:
        raise _failure(address, address.host, missing)
    return listeners


def _resolve(address: TcpAddress) -> list[tuple[socket.AddressFamily, str]]:
    # Text would be encoded by the idna codec, whose import costs more than the look-up.
    host = address.host.encode() if address.host.isascii() else address.host
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise BindError(
            f"cannot listen on {address}: the host name {address.host!r} is not known. "
            "Give an address of this machine, 127.0.0.1 for local clients only, or 0.0.0.0 for all."
        ) from None
    # The scope of a link-local IPv6 address stays in the text, so a set of texts is enough.
    return list(dict.fromkeys((family, _numeric(sockaddr)) for family, _, _, _, sockaddr in found))


def _numeric(sockaddr: tuple[object, ...]) -> str:
    return socket.getnameinfo(sockaddr, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # type: ignore[arg-type]


def bind(family: int, address: tuple[str, int], *, reuse_port: bool) -> socket.socket:
    """A socket bound to an address, as socket(2) has it. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Lets a restarted server take its port back while old connections are in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # An IPv6 address means IPv6 only, whatever net.ipv6.bindv6only says, so that
            # 0.0.0.0:PORT and [::]:PORT can be bound side by side.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _listen(sock: socket.socket, backlog: int) -> None:
    try:
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise


def _failure(address: TcpAddress, host: str, error: OSError) -> BindError:
    return BindError(f"cannot listen on {address}: {_explain(host, address.port, error)}")


def _explain(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            holder = tcp_holder(host, port)
            by = f" by {holder}" if holder else ""
            return f"the port is in use{by}. Stop it, or give another port with --bind or --port."
        case errno.EACCES:
            return (
                f"ports below {_first_open_port()} need root or CAP_NET_BIND_SERVICE. "
                "Give a higher port with --bind or --port."
            )
        case number if number in _NOT_ON_THIS_HOST:
            return f"{host} is not an address of this machine. Give one of its own, or 0.0.0.0."
        case _:
            return str(error.strerror)


def _first_open_port() -> int:
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_bytes())
    return 1024
