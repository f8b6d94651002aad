"""The dialogue of 100-continue (RFC 9110 10.1.1): the 100 comes when the application reads."""

from __future__ import annotations

import json

import pytest

from tests.contract.case import head, post
from tests.contract.conftest import Echo
from tests.kit import Wire
from tests.kit.response import read_head

EXPECT = b"Expect: 100-continue"


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    ],
)
def test_the_go_ahead_comes_before_the_body(echo: Echo, framing: bytes, body: bytes) -> None:
    """The client waits for the 100, then sends its body, twice on one connection."""
    with Wire.connect(echo.tcp) as wire:
        for _ in range(2):
            wire.send(post(EXPECT, framing, target=b"/"))
            assert read_head(wire.incoming)[0] == 100
            answer = wire.ask(body)
            assert answer.interim == ()
            assert json.loads(answer.body)["body"] == "hello"


def test_an_application_that_does_not_read_gives_no_go_ahead(echo: Echo) -> None:
    """The final answer comes alone; the connection ends, as the client may or may not send."""
    with Wire.connect(echo.tcp) as wire:
        answer = wire.ask(post(EXPECT, b"Content-Length: 5", target=b"/first"))
        assert (answer.status, answer.interim) == (200, ())
        assert answer.says("close")
        assert wire.rest() == b""


def test_half_a_body_without_waiting(echo: Echo) -> None:
    """A client that has begun to send is answered once the rest is there."""
    with Wire.connect(echo.unix) as wire:
        wire.send_pieces([post(EXPECT, b"Content-Length: 5", body=b"he", target=b"/"), b"llo"])
        answer = wire.response()

    assert answer.interim in ((), (100,))
    assert json.loads(answer.body)["body"] == "hello"


def test_old_clients_never_get_a_go_ahead(echo: Echo) -> None:
    """HTTP/1.0 knows no interim responses."""
    request = head(b"POST / HTTP/1.0", EXPECT, b"Content-Length: 5")
    with Wire.connect(echo.unix) as wire:
        wire.send_pieces([request, b"he", b"llo"])
        answer = wire.response()

    assert (answer.status, answer.interim) == (200, ())


def test_an_unknown_expectation_is_refused_before_the_body(echo: Echo) -> None:
    """417 at once, and the connection ends."""
    with Wire.connect(echo.tcp) as wire:
        answer = wire.ask(post(b"Expect: tea", b"Content-Length: 5"))
        assert answer.status == 417
        assert wire.rest() == b""
