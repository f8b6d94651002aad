"""A client that reads slowly but steadily has all the time that it needs, over both protocols."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http2.conftest import address_of, serve_streams
from tests.kit import Wire
from tests.kit.http2 import connect
from tests.kit.wire import Address

SIZE = 489 * 16384
"""Bytes of a body: more than the buffers on its way."""
PACE, PIECE = 0.05, 16 * 1024
"""Seconds between two reads, and bytes of one: some, in any time that counts."""
SLOW = 6.0
"""Seconds in which a client reads so: several times --write-timeout."""


def over_http1(address: Address, path: str) -> int:
    """Bytes of the body."""
    with Wire.connect(address) as wire:
        wire.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        end = time.monotonic() + SLOW
        head = len(slowly(wire.sock, end)) + len(wire.rest())
        return head - head % 16384  # without the head of the answer


def over_http2(address: Address, path: str) -> int:
    """Bytes of the body."""
    with connect(address) as client:
        stream = client.ask(path)
        end = time.monotonic() + SLOW
        while time.monotonic() < end:
            time.sleep(PACE)  # what this client does, not what it waits for
            assert client.read(PIECE)
        return len(client.finish(stream).body)


def slowly(sock: socket.socket, end: float) -> bytes:
    """What is read until then."""
    came = b""
    while time.monotonic() < end:
        time.sleep(PACE)  # what this client does, not what it waits for
        came += (piece := sock.recv(PIECE))
        assert piece, "the server has ended it"
    return came


CLIENTS: list[Callable[[Address, str], int]] = [over_http1, over_http2]


@pytest.mark.parametrize(("mode", "paths"), [("asgi", ["large"]), ("wsgi", ["large", "written"])])
def test_a_slow_reader_is_not_cut_off(mode: str, paths: list[str]) -> None:
    """The kernel takes more only when a good part of its buffer is free: long after a read."""
    with serve_streams(mode, "--write-timeout", "2s") as server, ThreadPoolExecutor() as threads:
        address = address_of(server)
        asked = [
            threads.submit(client, address, f"/{path}?{SIZE}")
            for client in CLIENTS
            for path in paths
        ]
        assert [one.result() for one in asked] == [SIZE] * len(asked)
