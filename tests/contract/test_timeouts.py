"""Clients that do not go on: each timeout ends the connection in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.contract.case import chunked, get, post
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT
from tests.kit.response import read_head

SHORT = ("--head-timeout", "300ms", "--keep-alive", "300ms", "--body-timeout", "300ms")


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def hasty(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The echo application with short timeouts."""
    with serve(f"tests.contract.echo_{request.param}:app", *SHORT, app_dir=ROOT) as server:
        yield server


def test_a_head_that_stops(hasty: Server) -> None:
    """408 and the end, for a head that began."""
    with hasty.connect() as wire:
        answer = wire.ask(b"GET / HTTP/1.1\r\nHost: exam")

        assert answer.status == 408
        assert answer.says("close")
        assert wire.rest() == b""


def test_a_head_that_trickles(hasty: Server) -> None:
    """Bytes that keep coming do not put the end off: the whole head has one deadline."""
    with hasty.connect() as wire:
        wire.send(b"GET / HTTP/1.1\r\n")
        wire.sock.settimeout(0.02)
        trickle(wire)

        assert wire.response().status == 408


def trickle(wire: Wire) -> None:
    """Send one more field byte after each short wait, until the server answers."""
    for _ in range(500):
        try:
            if wire.incoming.fill():
                break
        except TimeoutError:
            wire.send(b"a")
    wire.sock.settimeout(wire.deadline)


def test_a_client_that_says_nothing(hasty: Server) -> None:
    """The end without a word, before the first request and after one."""
    with hasty.connect() as wire:
        assert wire.rest() == b""
    with hasty.connect() as wire:
        assert wire.ask(get()).status == 200
        assert wire.rest() == b""


STALLS = {
    "length": post(b"Content-Length: 10", body=b"hello", target=b"/?run=length"),
    "chunk": chunked(b"5\r\nhel", target=b"/?run=chunk"),
    "large": post(b"Content-Length: 900000", body=b"x" * 300_000, target=b"/?run=large"),
}


@pytest.mark.parametrize("run", STALLS)
def test_a_body_that_stops(hasty: Server, run: str) -> None:
    """408 and the end; the application does not take what came for the whole."""
    with hasty.connect() as wire:
        answer = wire.ask(STALLS[run])

        assert answer.status == 408
        assert wire.rest() == b""
    ended = wait_until(lambda: outcome(hasty, run), "the application learns of it")
    assert ended in ("broken", "never called")


TRICKLES = {
    "slow-length": post(b"Content-Length: 900", body=b"", target=b"/?run=slow-length"),
    "slow-chunk": chunked(b"384\r\n", target=b"/?run=slow-chunk"),
}


@pytest.mark.parametrize("run", TRICKLES)
def test_a_body_that_trickles(hasty: Server, run: str) -> None:
    """Bytes that keep coming are not enough: their rate has a floor of its own."""
    with hasty.connect() as wire:
        wire.send(TRICKLES[run])
        wire.sock.settimeout(0.05)
        trickle(wire)

        assert wire.response().status == 408


def test_an_application_that_takes_its_time() -> None:
    """The time before the application reads is not the client's."""
    app = "tests.contract.pausing_asgi:app"
    with serve(app, *SHORT, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(post(b"Expect: 100-continue", b"Content-Length: 5", target=b"/"))
        assert read_head(wire.incoming)[0] == 100

        assert wire.ask(b"hello").body == b"hello"


def outcome(server: Server, run: str) -> str | None:
    """How the body of ``run`` ended for the application, None while it is still reading."""
    with server.connect() as wire:
        answer = wire.ask(get(target=f"/outcome?run={run}".encode()))
    said: str = json.loads(answer.body)["outcome"]
    return None if said == "reading" else said
