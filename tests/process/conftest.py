"""How the tests of a process's life serve: each application, and what its state looks like."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.kit import Server, Wire, serve
from tests.kit.process import ROOT

HERE = "tests.process"
KINDS = {
    "asgi-asyncio": (f"{HERE}.app_asgi:app", "--loop", "asyncio"),
    "asgi-uvloop": (f"{HERE}.app_asgi:app", "--loop", "uvloop"),
    "wsgi-1": (f"{HERE}.app_wsgi:app", "--threads", "1"),
    "wsgi-8": (f"{HERE}.app_wsgi:app", "--threads", "8"),
}

BODY = 128 * 1024
"""Bytes of a body that is not gathered before a WSGI application is called."""

Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest) -> Start:
    """``with start(*options, binds=...) as server``, on each loop and with one and more threads."""
    app, *options = KINDS[request.param]

    def start(
        *more: str, binds: tuple[str, ...] = ("127.0.0.1:0",)
    ) -> AbstractContextManager[Server]:
        return serve(app, *options, *more, app_dir=ROOT, binds=binds)

    return start


def get(path: str) -> bytes:
    """A request that leaves the connection open."""
    return b"GET " + path.encode() + b" HTTP/1.1\r\nHost: test\r\n\r\n"


def begin_slow(server: Server) -> Wire:
    """A request in flight: the application waits for the last byte of its body."""
    wire = server.connect()
    head = f"POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY}\r\n\r\n"
    wire.send(head.encode() + bytes(BODY - 1))
    server.stderr.wait(lambda text: "slow begins" in text, "slow begins")
    return wire


def read_begun(wire: Wire) -> None:
    """Wait for the first part of a streamed answer; it stays there to be read."""
    while b"begun" not in wire.incoming.buffer:
        assert wire.incoming.fill(), "the connection ended"


def refuses(server: Server) -> bool:
    """Whether a new connection is refused."""
    address = server.address
    try:
        if isinstance(address, Path):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(address))
        else:
            socket.create_connection(address, timeout=5).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except ConnectionResetError:
        return False  # it met the close itself
    return False


def handles(server: Server, number: signal.Signals) -> bool:
    """Whether the process still catches a signal, as the kernel sees it (proc(5), SigCgt)."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)
