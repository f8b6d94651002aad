"""How the tests of WebSocket serve: one server for a file, on each event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.kit.websocket import Client

APP = "tests.websocket.app_asgi:app"
LOOPS = ("asyncio", "uvloop")

Connect = Callable[..., Client]


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with small limits and no pings."""
    options = ["--loop", request.param, "--ws-max-size", "100KiB", "--ws-ping-interval", "0"]
    with serve(APP, *options, "--ws-close-timeout", "1", app_dir=ROOT) as server:
        yield server


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """``connect(PATH, *fields)``: a WebSocket of that path."""
    clients: list[Client] = []

    def connect(path: str = "/echo", *fields: str) -> Client:
        client = Client(server.connect())
        clients.append(client)
        return client.open(path, *fields)

    yield connect
    for client in clients:
        client.wire.close()


def said(server: Server, line: str) -> None:
    """Wait until the application has printed a line."""
    server.stdout.wait(lambda text: line in text.splitlines(), line)
