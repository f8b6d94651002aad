"""A raw client socket: any bytes in any pieces, strict reading, a deadline on every wait."""

from __future__ import annotations

import fcntl
import itertools
import random
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from tests.kit.response import Incoming, Response, read_response

Address = tuple[str, int] | Path
"""(host, port) of a TCP listener, or the path of a unix one."""

TAKEN_WITHIN = 0.2
"""Seconds given to the server to read one piece before the next is sent anyway."""


class Wire:
    """One connection. Every read ends within ``deadline`` seconds or raises TimeoutError."""

    def __init__(self, sock: socket.socket, *, deadline: float = 10.0) -> None:
        self.sock = sock
        self.deadline = deadline
        sock.settimeout(deadline)
        self.incoming = Incoming(lambda: sock.recv(65536))

    @classmethod
    def connect(
        cls,
        address: Address,
        *,
        deadline: float = 10.0,
        tls: ssl.SSLContext | None = None,
        hostname: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> Wire:
        """Connect to ``address``; on TCP without delay, so that each piece leaves at once.

        With ``tls``, over TLS to ``hostname``; then an end without close_notify is an
        ssl.SSLEOFError. ``session`` is one to resume.
        """
        if isinstance(address, Path):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(deadline)
            sock.connect(str(address))
        else:
            sock = socket.create_connection(address, timeout=deadline)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(
                sock, server_hostname=hostname, suppress_ragged_eofs=False, session=session
            )
        return cls(sock, deadline=deadline)

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send everything; a server that has closed already has said why, so read its answer."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send piece by piece, each once the server has taken the one before (unix sockets only).

        Over TCP the pieces leave one by one, but the server may find several at once.
        """
        for piece in pieces:
            self.send(piece)
            self._await_taken()

    def _await_taken(self) -> None:
        if self.sock.family != socket.AF_UNIX:
            return
        end = time.monotonic() + TAKEN_WITHIN
        while self.unread() and time.monotonic() < end:
            if select.select([self.sock], [], [], 0)[0]:
                return

    def unread(self) -> int:
        """Kernel bytes the server has not taken yet; 0 on a unix socket when it has all."""
        answer = fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", answer)[0])

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        try:
            # Not that of SSLSocket, which would read on without TLS.
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
        except OSError:
            return

    def response(self, method: str = "GET") -> Response:
        """Read exactly one final response to a request with ``method``."""
        return read_response(self.incoming, method)

    def ask(self, data: bytes, method: str = "GET") -> Response:
        """Send ``data`` and read one response."""
        self.send(data)
        return self.response(method)

    def rest(self) -> bytes:
        """Everything the server sends until it closes; ConnectionResetError when it resets."""
        return self.incoming.rest()

    def ended(self) -> bool:
        """Whether the server has closed and all it sent has been read; waits for either."""
        return not self.incoming.buffer and not self.incoming.fill()


def byte_by_byte(data: bytes, *, most: int = 2000) -> Iterator[bytes]:
    """Single bytes; of long data equal pieces, not more than about ``most`` of them."""
    step = max(1, len(data) // most)
    return (data[at : at + step] for at in range(0, len(data), step))


def at_points(data: bytes, points: Iterable[int]) -> list[bytes]:
    """Cut ``data`` at the given offsets."""
    cuts = [0, *sorted(points), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(cuts) if a < b]


def at_random(data: bytes, seed: int) -> list[bytes]:
    """Cut ``data`` at up to eight places drawn from ``seed``."""
    draw = random.Random(seed)
    return at_points(data, (draw.randrange(len(data) + 1) for _ in range(draw.randrange(1, 9))))
