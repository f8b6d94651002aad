"""Clients that send what costs more than it brings: told to be calm, and gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.hostile.footprint import own_memory, processor_seconds
from tests.http2.conftest import address_of, serve_streams
from tests.kit import Server
from tests.kit.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Client,
    connect,
    frame,
)

MOST = 1_000_000
"""Frames that a flood sends if nobody stops it."""
MEMORY = 24 * 1024 * 1024
"""Bytes that a server may grow by under any of them."""


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An application of its own, whose memory is looked at."""
    with serve_streams(request.param, "--graceful-timeout", "100ms") as server:
        yield server


def head_of(client: Client, path: str = "/large?1") -> bytes:
    """The fields of a GET request, as a block."""
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
    return bytes(client.h2.encoder.encode(fields))


def streams() -> Iterator[int]:
    """The numbers that a client gives its streams."""
    return itertools.count(1, 2)


def rapid_resets(client: Client) -> Iterator[bytes]:
    """Requests that are given up at once (CVE-2023-44487)."""
    for stream in streams():
        head = frame(HEADERS, head_of(client), flags=END_HEADERS | END_STREAM, stream=stream)
        yield head + frame(RST_STREAM, (8).to_bytes(4), stream=stream)


def made_resets(client: Client) -> Iterator[bytes]:
    """Requests that the server has to reset, by a window too large on each (CVE-2025-8671)."""
    for stream in streams():
        head = frame(HEADERS, head_of(client), flags=END_HEADERS | END_STREAM, stream=stream)
        yield head + frame(WINDOW_UPDATE, (2**31 - 1).to_bytes(4), stream=stream)


def continuations(client: Client) -> Iterator[bytes]:
    """A head without an end (CVE-2024-27983 and others)."""
    yield frame(HEADERS, head_of(client), flags=END_STREAM, stream=1)
    while True:
        yield frame(CONTINUATION, bytes(client.h2.encoder.encode([("x-a", "b" * 1000)])), stream=1)


def empty_continuations(client: Client) -> Iterator[bytes]:
    """The same of nothing."""
    yield frame(HEADERS, head_of(client), flags=END_STREAM, stream=1)
    while True:
        yield frame(CONTINUATION, b"", stream=1)


def pings(_client: Client) -> Iterator[bytes]:
    """Questions whose answers are not read (CVE-2019-9512)."""
    return itertools.repeat(frame(PING, b"12345678"))


def settings(_client: Client) -> Iterator[bytes]:
    """Settings that have to be acknowledged (CVE-2019-9515)."""
    return itertools.repeat(frame(SETTINGS))


def priorities(_client: Client) -> Iterator[bytes]:
    """Priorities of streams that are not there (CVE-2019-9513)."""
    return itertools.repeat(frame(PRIORITY, bytes(4) + b"\x10", stream=3))


def empty_data(client: Client) -> Iterator[bytes]:
    """A body of nothing without an end (CVE-2019-9518)."""
    yield frame(HEADERS, head_of(client, "/count"), flags=END_HEADERS, stream=1)
    while True:
        yield frame(DATA, b"", stream=1)


def tiny_data(client: Client) -> Iterator[bytes]:
    """A body in pieces of a byte, for an application that does not read it."""
    yield frame(HEADERS, head_of(client, "/idle"), flags=END_HEADERS, stream=1)
    while True:
        yield frame(DATA, b"a", stream=1)


def windows(_client: Client) -> Iterator[bytes]:
    """Room that nobody needs, a byte at a time."""
    return itertools.repeat(frame(WINDOW_UPDATE, (1).to_bytes(4)))


def unknown(_client: Client) -> Iterator[bytes]:
    """Frames of a kind that does not exist."""
    return itertools.repeat(frame(0xFA, b"abcd"))


FLOODS: dict[str, Callable[[Client], Iterator[bytes]]] = {
    flood.__name__: flood
    for flood in (
        rapid_resets,
        made_resets,
        continuations,
        empty_continuations,
        pings,
        settings,
        priorities,
        empty_data,
        tiny_data,
        windows,
        unknown,
    )
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods(server: Server, name: str) -> None:
    """The connection ends with the right code, others do not notice, and memory is bounded."""
    address = address_of(server)
    before, spent = own_memory(server.pid), processor_seconds(server.pid)
    with connect(address) as other, connect(address) as client:
        assert other.get("/large?1").body == b"y"
        flood = FLOODS[name](client)
        sent = 0
        while sent < MOST:
            batch = list(itertools.islice(flood, 100))
            sent += len(batch)
            try:
                client.wire.sock.sendall(b"".join(batch))
            except (ConnectionError, TimeoutError):
                break
        assert sent < MOST, f"nobody stopped it; GOAWAY was {client.goaway}"
        assert other.get("/large?1").body == b"y"
        _read_the_end(client)
        assert client.goaway in (None, ENHANCE_YOUR_CALM), client.goaway
    assert own_memory(server.pid) - before < MEMORY
    assert processor_seconds(server.pid) - spent < 5


def _read_the_end(client: Client) -> None:
    """What the server has said before it closed; it may have closed on unread input."""
    try:
        client.end()
    except Exception as error:
        assert "GOAWAY" not in str(error)


def test_a_bomb_of_fields(server: Server) -> None:
    """A block that decodes to far more than it has on the wire is refused (CVE-2016-6581)."""
    with connect(address_of(server)) as client:
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
        before = own_memory(server.pid)
        for stream in itertools.islice(streams(), 50):
            block = bytes(client.h2.encoder.encode([*fields, ("x-bomb", "b" * 4000)]))
            again = bytes(client.h2.encoder.encode([("x-bomb", "b" * 4000)]))
            flags = END_HEADERS | END_STREAM
            client.wire.send(frame(HEADERS, block + again * 4000, flags=flags, stream=stream))
        client.wire.send(frame(PING, b"12345678"))
        _read_the_end_or_pong(client)
        assert own_memory(server.pid) - before < MEMORY


def _read_the_end_or_pong(client: Client) -> None:
    """Until the server has looked at everything."""
    came = b""
    while frame(PING, b"12345678", flags=1) not in came:
        more = client.wire.sock.recv(65536)
        if not more:
            return
        came = came[-64:] + more
