"""What an application gives up is given up alone: no message is lost, none comes twice, nobody
else notices. In every way asyncio and anyio have, over HTTP/1.1, HTTP/2 and WebSocket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.case import get
from tests.contract.interruptions import WAYS
from tests.kit import Server, Wire, http2, serve
from tests.kit.process import ROOT
from tests.kit.websocket import BINARY, TEXT, Client, frame

PIECES = (b"AAA", b"BBB", b"CCC")
WHENS = ("before", "suspended")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application on either event loop."""
    app = "tests.contract.cancelling_asgi:app"
    with serve(app, "--loop", request.param, "--ws-ping-interval", "0", app_dir=ROOT) as server:
        yield server
        assert server.stop() == 0
        assert "Traceback" not in server.stderr.text()


class Upload:
    """A request over HTTP/1.1 whose body comes piece by piece."""

    def __init__(self, wire: Wire, path: str, size: int) -> None:
        self.wire = wire
        wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())

    def give(self, piece: bytes) -> None:
        """Send a piece."""
        self.wire.send(piece)

    def answer(self) -> bytes:
        """The body of the response, with 200."""
        response = self.wire.response()
        assert response.status == 200, response
        return response.body


class Upload2:
    """The same over HTTP/2."""

    def __init__(self, client: http2.Client, path: str) -> None:
        self.client = client
        self.stream = client.ask(path, "POST", end=False)

    def give(self, piece: bytes) -> None:
        """Send a piece."""
        self.client.give(self.stream, piece)

    def answer(self) -> bytes:
        """The body of the response, with 200."""
        self.client.h2.end_stream(self.stream)
        self.client.flush()
        answer = self.client.finish(self.stream)
        assert answer.status == 200, answer
        return bytes(answer.body)


@contextmanager
def upload(server: Server, protocol: str, path: str, size: int) -> Iterator[Upload | Upload2]:
    """A request whose body is to come."""
    if protocol == "http2":
        with http2.connect(server.address) as client:
            yield Upload2(client, path)
    else:
        with server.connect() as wire:
            yield Upload(wire, path, size)


RUNS = itertools.count()


def path_of(*parts: str) -> str:
    """A path with a query that no other request has."""
    return f"/{'/'.join(parts)}?{next(RUNS)}"


def interrupted(server: Server, path: str) -> int:
    """Wait until the application has given up; how many pieces it had sent."""
    told = f"interrupted {path.partition('?')[2]} "
    text = server.stdout.wait(lambda text: told in text, told)
    return int(text.partition(told)[2].splitlines()[0])


def check_others(server: Server) -> None:
    """Requests of others are served as ever, over each protocol, on new connections."""
    for protocol in ("http1", "http2"):
        with upload(server, protocol, "/plain", 9) as post:
            for piece in PIECES:
                post.give(piece)
            assert post.answer() == b"AAABBBCCC"
    with Client(server.connect()).open("/plain") as socket:
        for number in range(40):
            assert socket.ask(str(number)) == str(number)


@pytest.mark.parametrize("protocol", ["http1", "http2"])
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("way", WAYS)
def test_a_receive(server: Server, way: str, when: str, protocol: str) -> None:
    """The body is whole, whether its first piece was there or not."""
    path = path_of("receive", way, when)
    with upload(server, protocol, path, 9) as post:
        if when == "before":
            post.give(PIECES[0])
        interrupted(server, path)
        for piece in PIECES[when == "before" :]:
            post.give(piece)
        assert post.answer() == b"AAABBBCCC"
    check_others(server)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("way", WAYS)
def test_a_receive_of_a_websocket(server: Server, way: str, when: str) -> None:
    """Every message is received once, in order."""
    path = path_of("receive", way, when)
    with Client(server.connect()).open(path) as socket:
        if when == "before":
            socket.text("AAA")
        interrupted(server, path)
        for piece in PIECES[when == "before" :]:
            socket.text(piece.decode())
        answer = socket.read()
        assert (answer.opcode, answer.body) == (TEXT, b"AAA BBB CCC")
    check_others(server)


def in_order(body: bytes) -> list[tuple[int, int]]:
    """Runs of equal bytes, as (byte, length)."""
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(body):
        rest = body[at:]
        size = len(rest) - len(rest.lstrip(body[at : at + 1]))
        runs.append((body[at], size))
        at += size
    return runs


@pytest.mark.parametrize("protocol", ["http1", "http2"])
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("way", WAYS)
def test_a_send(server: Server, way: str, when: str, protocol: str) -> None:
    """The piece whose send was given up is there once or not at all; all others are, in order."""
    path = path_of("send", way, when)
    size = 256 * 1024 if when == "suspended" else 10
    with upload(server, protocol, path, 0) as post:
        count = interrupted(server, path)
        body = post.answer()
    assert body.endswith(b"the end")
    runs = in_order(body.removesuffix(b"the end"))
    given = [(number, size) for number in range(count)]
    assert runs in (given, given[:-1])
    check_others(server)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("way", WAYS)
def test_a_send_of_a_websocket(server: Server, way: str, when: str) -> None:
    """The same for messages."""
    path = path_of("send", way, when)
    with Client(server.connect()).open(path) as socket:
        count = interrupted(server, path)
        got = []
        while (message := socket.read()).opcode == BINARY:
            got.append(message.body[0])
        assert message.body == b"the end"
    assert got in (list(range(count)), list(range(count - 1)))
    check_others(server)


@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_receives_at_random(server: Server, protocol: str) -> None:
    """A body of many pieces is whole, whenever its receives are given up."""
    pieces = [f"{number:04}".encode() for number in range(500)]
    with upload(server, protocol, "/hammer", 2000) as post:
        for piece in pieces:
            post.give(piece)
        assert post.answer() == b"".join(pieces)


def test_receives_of_a_websocket_at_random(server: Server) -> None:
    """No message is lost, and none comes twice."""
    with Client(server.connect()).open("/hammer") as socket:
        for first in range(0, 600, 100):
            texts = [str(number) for number in range(first, first + 100)]
            socket.send(*(frame(TEXT, text.encode()) for text in texts))
            assert [socket.read().body.decode() for _ in texts] == texts


def test_asking_for_a_disconnect_costs_no_memory(server: Server) -> None:
    """Receives that were given up leave nothing behind, and nothing to do when the client goes."""
    with server.connect() as wire:
        wire.deadline = 50
        wire.sock.settimeout(50)
        assert int(wire.ask(get(target=b"/asks/60000")).body) < 6000
        with server.connect() as other:
            wire.close()
            assert other.ask(get(target=b"/plain")).status == 200
