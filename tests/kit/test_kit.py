"""The kit itself: its parser refuses what it should, and a server that fails says so."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.kit import BadResponseError, Wire, serve
from tests.kit.process import ROOT
from tests.kit.response import Incoming, Response, read_response
from tests.kit.wire import at_points, at_random, byte_by_byte

HEAD = b"HTTP/1.1 200 OK\r\n"


def parse(data: bytes, method: str = "GET") -> Response:
    """Read one response out of ``data``, given byte by byte."""
    pieces = iter(byte_by_byte(data))
    return read_response(Incoming(lambda: next(pieces, b"")), method)


@pytest.mark.parametrize(
    ("data", "framing", "body"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nhi", "length", b"hi"),
        (HEAD + b"\r\nhi", "close", b"hi"),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n",
            "chunked",
            b"hi",
        ),
        (b"HTTP/1.1 204 \r\n\r\n", "none", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "none", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n", "length", b""),
    ],
)
def test_good_responses(data: bytes, framing: str, body: bytes) -> None:
    """Each framing is read, interim responses are kept aside."""
    response = parse(data)

    assert (response.framing, response.body) == (framing, body)
    assert response.interim == ((100,) if data.startswith(b"HTTP/1.1 100") else ())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\n\r\n",
        b"HTTP/1.1 600 What\r\n\r\n",
        HEAD + b"X : 1\r\n\r\n",
        HEAD + b" X: 1\r\n\r\n",
        HEAD + b"X: \x00\r\n\r\n",
        HEAD + b"X: 1\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        HEAD + b"Content-Length: +2\r\n\r\nhi",
        HEAD + b"Content-Length: 3\r\n\r\nhi",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_bad_responses(data: bytes) -> None:
    """Anything RFC 9112 does not allow is a failure."""
    with pytest.raises(BadResponseError):
        parse(data)


def test_pieces() -> None:
    """Every cut gives the same bytes again."""
    data = bytes(range(256)) * 20

    for pieces in (byte_by_byte(data), at_points(data, [0, 7, 7, 5000]), at_random(data, 1)):
        assert b"".join(pieces) == data
    assert len(list(byte_by_byte(b"abc"))) == 3
    assert at_random(data, 1) == at_random(data, 1)


def test_a_piece_is_taken_before_the_next_is_sent() -> None:
    """On a unix socket the peer finds each piece alone."""
    ours, theirs = socket.socketpair()
    with Wire(ours) as wire, theirs:
        wire.send(b"a")
        assert wire.unread()
        assert theirs.recv(10) == b"a"
        assert not wire.unread()


def test_an_application_that_is_not_there() -> None:
    """The failure carries what the server wrote."""
    with pytest.raises(AssertionError) as caught, serve("nowhere:app", app_dir=ROOT):
        pass

    assert "nowhere" in "\n".join(caught.value.__notes__)


def test_a_failure_inside_the_block_ends_the_server(tmp_path: Path) -> None:
    """The process does not outlive the test that failed."""
    with (
        pytest.raises(ZeroDivisionError),
        serve("hello_asgi:app", app_dir=ROOT / "examples") as server,
    ):
        raise ZeroDivisionError

    assert not server.running()
