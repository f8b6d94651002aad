"""Requests that a stop cuts off are named in the error log, for each interface, in few lines."""

from __future__ import annotations

import re
import signal
from contextlib import ExitStack

import pytest

from tests.kit import serve
from tests.kit.process import ROOT
from tests.process.conftest import BODY, get, read_begun
from tests.process.test_hangs import ALL, ASGI, hang, logged, start

OVER = "--graceful-timeout is over"
NOW = "the server was told to stop quickly"
LINE = r"WARNING GET {path} of 127\.0\.0\.1:\d+ is cut off after \d+\.\d s: {why}\n"
PATHS = {kind: "/wait" if kind in ASGI else "/block" for kind in ALL}


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
@pytest.mark.parametrize("kind", ALL)
def test_a_call_that_does_not_end(kind: str, options: tuple[str, ...]) -> None:
    with start(kind, *options) as server, hang(server, PATHS[kind]):
        server.send_signal(signal.SIGTERM)
        logged(server, LINE.format(path=PATHS[kind], why=OVER))
        assert server.wait_exit() == 0
        assert server.stderr.text().count(PATHS[kind]) == 1


@pytest.mark.parametrize("kind", ALL)
def test_a_quick_stop(kind: str) -> None:
    options = ("--workers", "1", "--graceful-timeout", "60")
    with start(kind, *options) as server, hang(server, PATHS[kind]):
        server.send_signal(signal.SIGINT)
        logged(server, LINE.format(path=PATHS[kind], why=NOW))
        assert server.wait_exit() == 0
        assert server.stderr.text().count(PATHS[kind]) == 1


@pytest.mark.parametrize("kind", ALL)
def test_a_client_that_does_not_send_on(kind: str) -> None:
    with start(kind) as server, server.connect() as wire:
        wire.send(
            f"POST /upload?secret HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n".encode()
        )
        wire.send(bytes(BODY - 1))
        server.stdout.wait(lambda text: "in /upload" in text, "the call")
        server.send_signal(signal.SIGTERM)
        logged(server, LINE.format(path="/upload", why=OVER).replace("GET", "POST"))
        assert server.wait_exit() == 0
        assert "secret" not in server.stderr.text()


@pytest.mark.parametrize("kind", ASGI)
def test_work_after_the_response(kind: str) -> None:
    with start(kind) as server, server.connect() as wire:
        assert wire.ask(get("/after")).body == b"answered"
        wire.send(get("/begin"))
        read_begun(wire)
        server.send_signal(signal.SIGTERM)
        logged(server, LINE.format(path="/begin", why=OVER))
        assert server.wait_exit() == 0


@pytest.mark.parametrize("kind", ASGI)
def test_many(kind: str) -> None:
    with start(kind) as server, ExitStack() as stack:
        for number in range(1, 26):
            stack.enter_context(server.connect()).send(get("/wait"))
            text = "in /wait\n" * number
            server.stdout.wait(lambda said, text=text: text in said, "the request")  # type: ignore[misc]
        server.send_signal(signal.SIGTERM)
        text = logged(server, "WARNING 5 more requests are cut off")
        assert len(re.findall(LINE.format(path="/wait", why=OVER), text)) == 20
        assert server.wait_exit() == 0
        assert "was cancelled" not in server.stderr.text()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_websocket(loop: str) -> None:
    """One that goes on after it was told that the server stops."""
    app, options = "tests.process.stubborn_websocket:app", ("--graceful-timeout", "100ms")
    with serve(app, "--loop", loop, *options, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(
            b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        server.stderr.wait(lambda text: "goes on" in text, "the WebSocket")
        server.send_signal(signal.SIGTERM)
        logged(server, r"WARNING WebSocket /chat of 127\.0\.0\.1:\d+ is cut off: " + OVER)
        assert server.wait_exit() == 0
