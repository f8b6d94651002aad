"""An answer before the end of an upload: the client that goes on sending gets it nevertheless."""

from __future__ import annotations

import pytest

from tests.kit import Server, Wire, serve
from tests.kit.process import ROOT

SIZE = 16 * 1024 * 1024
"""Bytes of an upload, more than all the buffers on its way."""
PIECE = bytes(65536)
TRIES = 5
CHUNKED, LENGTH = b"Transfer-Encoding: chunked", b"Content-Length: %d" % SIZE
APPS = {"wsgi": "tests.process.contrary_wsgi:app", "asgi": "tests.process.contrary_asgi:app"}


def upload(wire: Wire, path: bytes, framing: bytes) -> None:
    """Send all of it: a client that can't looks for no answer."""
    wire.sock.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
    piece = b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if framing == CHUNKED else PIECE
    for _ in range(SIZE // len(PIECE)):
        wire.sock.sendall(piece)
    if framing == CHUNKED:
        wire.sock.sendall(b"0\r\n\r\n")


@pytest.mark.parametrize("framing", [CHUNKED, LENGTH], ids=["chunked", "length"])
@pytest.mark.parametrize("options", [(), ("--body-size", "1k")], ids=["application", "server"])
@pytest.mark.parametrize("interface", APPS)
def test_the_answer_is_read(interface: str, options: tuple[str, ...], framing: bytes) -> None:
    """Whoever refuses it, the answer says that the connection ends, and no reset destroys it."""
    with serve(APPS[interface], *options, app_dir=ROOT) as server:
        for _ in range(TRIES):
            with server.connect() as wire:
                upload(wire, b"/early", framing)
                answer = wire.response("POST")
                assert answer.status == 413
                assert answer.header("connection") == "close"


@pytest.mark.parametrize("interface", APPS)
def test_a_body_that_is_here_costs_no_connection(interface: str) -> None:
    """Chunks that came with the head are thrown away, and the next request is served."""
    with serve(APPS[interface], app_dir=ROOT) as server:
        assert _twice(server) == [413, 413]


def _twice(server: Server) -> list[int]:
    small = b"POST /early HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with server.connect() as wire:
        return [wire.ask(small, "POST").status for _ in range(2)]


def test_a_lingering_client_has_its_end() -> None:
    """One that sends for ever is cut all the same, after 15 times --linger-timeout."""
    served = serve(APPS["wsgi"], "--linger-timeout", "20ms", app_dir=ROOT)
    with served as server, server.connect() as wire:
        wire.send(b"POST /early HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n\r\n")
        with pytest.raises(ConnectionError):
            while True:
                wire.sock.sendall(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
