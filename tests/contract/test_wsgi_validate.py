"""wsgiref.validate has nothing to say of our server, in many shapes of request and answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import validated_wsgi
from tests.contract.case import chunked, get, head, post
from tests.kit import Server, serve
from tests.kit.process import ROOT

LINES = b"first line\nsecond\n\nlast without an end"


@pytest.fixture(scope="module", params=["1", "4"])
def validated(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The validated application with one thread and with several; its complaints are tracebacks."""
    app = "tests.contract.validated_wsgi:app"
    options = ("--interface", "wsgi", "--threads", request.param)
    with serve(app, *options, app_dir=ROOT) as server:
        yield server
        assert server.stop() == 0
        complaints = [
            line
            for line in server.stderr.lines
            if any(word in line for word in ("Assertion", "Traceback", "Warning", "garbage"))
        ]
        assert complaints == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/read", LINES),
        ("/readline", b"first line\n|second\n|\n|last without an end"),
        ("/readline-7", b"first l|ine\n|second\n|\n|last wi|thout a|n end"),
        ("/readlines", b"first line\n|second\n|\n|last without an end"),
        ("/iterate", b"first line\n|second\n|\n|last without an end"),
    ],
)
def test_reading(validated: Server, path: str, expected: bytes) -> None:
    """Each method of wsgi.input gives the body, framed either way, and stops at its end."""
    length = b"Content-Length: %d" % len(LINES)
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (LINES[:15], LINES[15:]))
    with validated.connect() as wire:
        whole = wire.ask(post(length, body=LINES, target=path.encode()))
        parts = wire.ask(chunked(pieces + b"0\r\n\r\n", target=path.encode()))
        none = wire.ask(get(target=path.encode()))

    assert (whole.body, parts.body, none.body) == (expected, expected, b"")


def test_reading_a_large_body(validated: Server) -> None:
    """A body larger than any buffer, in pieces."""
    body = bytes(range(256)) * 2000
    with validated.connect() as wire:
        answer = wire.ask(post(b"Content-Length: %d" % len(body), body=body, target=b"/read"))

    assert answer.body == body


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/write", 200, b"written and returned"),
        ("/generator", 200, b"one two three"),
        ("/late", 200, b"late"),
        ("/again", 503, b"replaced"),
        ("/204", 204, b""),
        ("/file", 200, Path(validated_wsgi.__file__).read_bytes()),
    ],
)
def test_answering(validated: Server, path: str, status: int, body: bytes) -> None:
    """Each way to answer, twice on one connection."""
    with validated.connect() as wire:
        answers = [wire.ask(get(target=path.encode())) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(status, body)] * 2


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(validated: Server, method: str) -> None:
    """The method is handed over as it is."""
    with validated.connect() as wire:
        answer = wire.ask(head(method.encode() + b" /m HTTP/1.1", b"Host: a"))

    assert answer.body == method.encode()


def test_head(validated: Server) -> None:
    """HEAD has the fields of GET and no body."""
    with validated.connect() as wire:
        answer = wire.ask(head(b"HEAD /m HTTP/1.1", b"Host: a"), "HEAD")

        assert (answer.status, answer.header("content-length")) == (200, "4")
        assert wire.ask(get(target=b"/m")).body == b"GET"


def test_odd_requests(validated: Server) -> None:
    """No Host, a query, escapes, repeated and empty fields: the environ stays valid."""
    requests = [
        head(b"GET /m HTTP/1.0"),
        get(target=b"/m?a=%20&b"),
        get(target=b"/%C3%A9/%FF"),
        get(b"X-A: 1", b"X-A: 2", b"X-Empty:", b"Cookie: a", b"Cookie: b"),
        post(b"Content-Type:", b"Content-Length: 0"),
    ]
    for request in requests:
        with validated.connect() as wire:
            assert wire.ask(request).status == 200


def test_client_that_leaves_a_generator(validated: Server) -> None:
    """The iterable of a client that has gone is closed: the validator tells when it is not."""
    with validated.connect() as wire:
        wire.send(get(target=b"/generator") * 20)
