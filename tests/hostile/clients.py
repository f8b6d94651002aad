"""Clients that misbehave: they go in the middle, stop reading, or trickle."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.kit import Response, Server, Wire
from tests.kit.wire import Address

HOST = b"Host: example.test\r\n"


def get(path: str, *, method: str = "GET") -> bytes:
    """A request without a body."""
    return f"{method} {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n"


def ask(server: Server, path: str, *, method: str = "GET") -> Response:
    """One answer on a connection of its own."""
    with server.connect() as wire:
        return wire.ask(get(path, method=method), method)


@contextmanager
def connected(address: Address, count: int) -> Iterator[list[Wire]]:
    """``count`` connections for the length of the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Wire.connect(address)) for _ in range(count)]


CUT_SHORT: dict[str, tuple[bytes, int]] = {
    "mid-head": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Half: ", 0),
    "mid-length": (b"POST /upload HTTP/1.1\r\n" + HOST + b"Content-Length: 90000\r\n\r\nabc", 0),
    "mid-chunk": (
        b"POST /upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc",
        0,
    ),
    "mid-large": (get("/large"), 1000),
    "mid-stream": (get("/stream"), 1000),
    "unread": (get("/stream"), 0),
    "pipelined": (get("/hello") * 20, 10),
    "idle": (get("/hello"), 10),
    "silent": (b"", 0),
}
"""What a client sends, and how many bytes of the answer it waits for, before it goes."""


def reset(sock: socket.socket) -> None:
    """End with RST: the kernel throws away what is unsent and tells the peer at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def finish(sock: socket.socket) -> None:
    """End with FIN, as far as nothing unread makes the kernel reset."""
    sock.close()


ENDINGS: dict[str, Callable[[socket.socket], None]] = {"RST": reset, "FIN": finish}


def cut_short(address: Address, kind: str, ending: str, count: int) -> None:
    """``count`` clients of one kind, all connected before the first of them goes."""
    sent, due = CUT_SHORT[kind]
    wires = [Wire.connect(address) for _ in range(count)]
    for wire in wires:
        wire.send(sent)
    for wire in wires:
        if due:
            wire.incoming.exactly(due)
        ENDINGS[ending](wire.sock)


def trickle(wires: list[Wire], data: bytes) -> None:
    """One more piece of an unfinished head on each connection."""
    for wire in wires:
        wire.send(data)
