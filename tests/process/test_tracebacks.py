"""An error of the application is told with the line that raised it."""

from __future__ import annotations

import pytest

from tests.kit import serve
from tests.kit.process import ROOT

CHUNK = b"30d40\r\n" + b"x" * 200_000 + b"\r\n"
"""More than is gathered before the application is called."""


@pytest.mark.parametrize("path", ["/", "/iterable"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_wsgi(threads: str, path: str) -> None:
    """With its traceback, also if nobody has caught it on its way."""
    app = "tests.process.tracebacks_wsgi:app"
    with serve(app, "--threads", threads, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        text = server.stderr.wait(lambda text: "ValueError: deep" in text, "the error")
        assert "in deep" in text
        assert "in app" in text or "genexpr" in text


@pytest.mark.parametrize(
    ("framing", "body", "status"),
    [
        ("Transfer-Encoding: chunked", CHUNK + CHUNK, 413),
        ("Transfer-Encoding: chunked", CHUNK + b"z\r\n", 400),
        ("Content-Length: 250000", b"x" * 200_000, None),
    ],
    ids=["too large", "malformed", "cut"],
)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_refused_body_is_no_fault_of_the_application(
    threads: str, framing: str, body: bytes, status: int | None
) -> None:
    """It lets the error of a read pass: the client's mistake is not told as one of its own."""
    options = ("--threads", threads, "--body-size", "300000", "--log-level", "debug")
    with serve("tests.process.tracebacks_wsgi:app", *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            wire.send(f"POST /read HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode() + body)
            if status:
                assert wire.response().status == status
        text = server.stderr.wait(lambda text: "POST /read: " in text, "the line of the request")
        assert "Traceback" not in text
        assert "ERROR" not in text
