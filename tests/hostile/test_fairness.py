"""Under full load timers still fire, and no client starves another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hostile.clients import ask, connected, get
from tests.hostile.conftest import ASGI, start
from tests.kit import Server, Wire

PIPELINE = 20
ROUNDS = 250
CLIENTS = 4


def test_timers_fire_under_full_load(asgi: Server) -> None:
    """A 1 ms timer of the application goes on while pipelined requests never let the loop idle."""
    ask(asgi, "/ticks")
    with connected(asgi.address, CLIENTS) as wires:
        ask(asgi, "/ticks")
        threads = [threading.Thread(target=pipeline, args=(wire,)) for wire in wires]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fired = int(ask(asgi, "/ticks").body)

    served = CLIENTS * ROUNDS * PIPELINE
    assert fired > served / 1000, f"{fired} times during {served} requests"


def pipeline(wire: Wire) -> None:
    """Requests in bundles, the next as soon as the last is answered."""
    for _ in range(ROUNDS):
        wire.send(get("/hello") * PIPELINE)
        for _ in range(PIPELINE):
            assert wire.response().body == b"/hello"


@contextmanager
def drained(server: Server, path: str, count: int) -> Iterator[None]:
    """``count`` clients that read an answer as fast as they can while the block runs."""
    with connected(server.address, count) as wires:
        ended = threading.Event()

        def drain(wire: Wire) -> None:
            wire.send(get(path))
            while not ended.is_set():
                wire.sock.recv(1 << 20)

        threads = [threading.Thread(target=drain, args=(wire,)) for wire in wires]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def test_an_endless_stream_lets_others_through(asgi: Server) -> None:
    """An application that sends without ever waiting is interrupted by send() itself."""
    with drained(asgi, "/endless", 2), asgi.connect() as wire:
        for _ in range(200):
            assert wire.ask(get("/hello")).body == b"/hello"


@pytest.mark.parametrize("readers", [1, 3])
def test_endless_streams_on_threads(readers: int, wsgi_threads: Server) -> None:
    """Fewer streams than threads leave the others free."""
    with drained(wsgi_threads, "/endless", readers), wsgi_threads.connect() as wire:
        for _ in range(100):
            assert wire.ask(get("/hello")).body == b"/hello"


UPLOAD = 384 << 20
"""Bytes of each of three bodies sent at once."""


@pytest.mark.parametrize("mode", [*ASGI, "wsgi threads"])
def test_uploads_beside_others(mode: str) -> None:
    """Large bodies arrive whole, and other clients are answered while they do."""
    for server in start(mode):
        with connected(server.address, 3) as wires, connected(server.address, 4) as others:
            senders = [threading.Thread(target=upload, args=(wire,)) for wire in wires]
            for sender in senders:
                sender.start()
            rounds = 0
            while any(sender.is_alive() for sender in senders):
                answer_all(others)
                rounds += 1
            answers = [wire.response() for wire in wires]
        seen = [(answer.status, answer.body) for answer in answers]
        assert seen == [(200, str(UPLOAD).encode())] * 3
        assert rounds > 5


def answer_all(wires: list[Wire]) -> None:
    """One request on each, all sent before the first answer is read."""
    for wire in wires:
        wire.send(get("/hello"))
    for wire in wires:
        assert wire.response().body == b"/hello"


def upload(wire: Wire) -> None:
    """Send the whole body, or as much of it as the server takes."""
    wire.send(f"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {UPLOAD}\r\n\r\n".encode())
    piece = bytes(1 << 20)
    for _ in range(UPLOAD >> 20):
        wire.send(piece)
