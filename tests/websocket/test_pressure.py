"""Neither side can make the server keep more than it should."""

from __future__ import annotations

import socket
import zlib

import pytest

from tests.hostile.footprint import own_memory, processor_seconds
from tests.kit import Server, Wire, wait_until
from tests.kit.websocket import BINARY, FIN, PING, RSV1, TEXT, Client, frame
from tests.websocket.conftest import Connect, said

MiB = 1024 * 1024


def counts(wire: Wire) -> tuple[int, int, int]:
    """Messages received, their bytes, and bytes sent."""
    body = wire.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").body.split()
    return int(body[0]), int(body[1]), int(body[2])


def stuck(client: Client, data: bytes, *, most: int) -> int:
    """Send again and again until nothing is taken any more; how many bytes were."""
    sock = client.wire.sock
    sock.settimeout(0.5)
    taken = 0
    try:
        while taken < most:
            taken += sock.send(data)
    except TimeoutError:
        return taken
    finally:
        sock.settimeout(client.wire.deadline)
    return taken


def test_a_client_waits_for_an_application_that_does_not_receive(server: Server) -> None:
    with server.connect() as other, server.connect() as wire:
        other.ask(b"GET /hold-again HTTP/1.1\r\nHost: x\r\n\r\n")
        client = Client(wire).open("/hold")
        before = own_memory(server.pid)
        one = frame(BINARY, bytes(10_000))
        taken = stuck(client, one, most=200 * MiB)
        assert taken < 50 * MiB, "the kernel's buffers at the most"
        assert own_memory(server.pid) - before < 4 * MiB
        other.ask(b"GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
        whole = taken // len(one)
        wait_until(lambda: counts(other)[0] >= whole, "all whole messages")


def test_an_application_waits_for_a_client_that_does_not_read(
    connect: Connect, server: Server
) -> None:
    with server.connect() as other:
        before = own_memory(server.pid)
        client = connect("/flood")
        last = -1

        def stands_still() -> bool:
            nonlocal last
            now = counts(other)[2]
            is_same, last = now == last, now
            return is_same

        wait_until(stands_still, "the application has to wait")
        assert last < 50 * MiB
        assert own_memory(server.pid) - before < 4 * MiB
        assert client.read().body == bytes(10_000)
        client.wire.close()
        said(server, "/flood ClientDisconnected")


def test_a_flood_of_pings_that_are_not_answered_costs_no_memory(
    connect: Connect, server: Server
) -> None:
    client = connect("/echo")
    client.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = own_memory(server.pid)
    stuck(client, frame(PING, bytes(125)) * 500, most=40 * MiB)
    assert own_memory(server.pid) - before < 4 * MiB


def bomb(size: int) -> bytes:
    """A compressed message of so many zeros."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return frame(BINARY, data[:-4], bits=FIN | RSV1)


@pytest.mark.parametrize("size", [101 * 1024, 50 * MiB])
def test_a_bomb_costs_no_more_than_the_limit(connect: Connect, server: Server, size: int) -> None:
    client = connect("/echo", "Sec-WebSocket-Extensions: permessage-deflate")
    message = bomb(size)
    before, time = own_memory(server.pid), processor_seconds(server.pid)
    client.send(message)
    client.closed(1009)
    assert own_memory(server.pid) - before < 4 * MiB
    assert processor_seconds(server.pid) - time < 1


def test_compressed_both_ways(connect: Connect) -> None:
    client = connect("/echo", "Sec-WebSocket-Extensions: permessage-deflate")
    assert client.response is not None
    assert client.response.header("sec-websocket-extensions") == "permessage-deflate"
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    inflate = zlib.decompressobj(-15)
    sizes = []
    for _ in range(3):
        text = "".join(f"line {number} " for number in range(300)).encode()
        data = deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)
        client.send(frame(TEXT, data[:-4], bits=FIN | RSV1))
        answer = client.read()
        assert answer.is_compressed
        assert inflate.decompress(answer.body + b"\x00\x00\xff\xff") == text
        sizes.append(len(answer.body))
    assert sizes[1] < sizes[0], "a message refers to the one before"


@pytest.mark.parametrize("opens", [True, False])
def test_many_that_come_and_go_leave_nothing(server: Server, opens: bool) -> None:
    """Connections that end in every way, again and again."""
    for turn in range(30):
        with Client(server.connect()) as client:
            if opens:
                client.open().ask("x")
            client.send(frame(TEXT, b"half")[: turn % 7])
    with server.connect() as wire:
        client = Client(wire).open()
        assert client.ask("x") == "x"
