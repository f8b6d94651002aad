"""Objects that bite cost their own request at the most: no deadlock, no broken neighbour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.biting import LARGE
from tests.contract.case import get
from tests.kit import Server, http2, serve
from tests.kit.process import ROOT

MODES = {
    "asgi uvloop": ("--loop", "uvloop"),
    "asgi asyncio": ("--loop", "asyncio"),
    "wsgi inline": ("--threads", "1"),
    "wsgi threads": ("--threads", "4"),
}
SERVED = (200, b"served")
BROKEN = None
"""The response is cut, or a 500."""
OUTCOMES: dict[str, dict[str, tuple[int, bytes] | None]] = {
    "asgi": {
        "/generator": SERVED,
        "/map": SERVED,
        "/tuple-of-lists": SERVED,
        "/pairs-of-iterators": SERVED,
        "/old-sequence": SERVED,
        "/memoryviews": SERVED,
        "/lying-fields": SERVED,
        "/failing-headers": BROKEN,
        "/three": BROKEN,
        "/texts": BROKEN,
        "/numbers": BROKEN,
        "/liar": (200, b"true"),
        "/array": (200, b"n" * 100),
        "/large-array": (200, b"n" * 100000),
        "/strided": (200, b"abc"),
        "/changing": (200, b"before" * 20000),
        "/touchy": BROKEN,
        "/number": SERVED,
        "/await": SERVED,
        "/future": SERVED,
        "/nothing": BROKEN,
        "/mourned": (200, b"m" * LARGE),
    },
    "wsgi": {
        "/mourned": (200, b"m" * LARGE),
        "/mourned-pieces": (200, b"m" * 2 * LARGE),
        "/liar": (200, b"true"),
        "/liars": (200, b"true"),
        "/list": (200, b"from __iter__"),
        "/failing": BROKEN,
        "/failing-at-once": BROKEN,
        "/closing": SERVED,
        "/written": (200, b"ser" + b"v" * LARGE + b"ed"),
        "/text": BROKEN,
        "/number": BROKEN,
        "/fields": SERVED,
        "/tuple": SERVED,
        "/surrogates": SERVED,
    },
}


@pytest.fixture(scope="module", params=MODES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The biting application of one interface."""
    app = f"tests.contract.biting_{request.param.split()[0]}:app"
    with serve(app, *MODES[request.param], app_dir=ROOT) as server:
        yield server
        assert "bug in Tricorn" not in server.stderr.text()


@pytest.fixture
def outcomes(request: pytest.FixtureRequest, server: Server) -> dict[str, tuple[int, bytes] | None]:
    """What comes of each path."""
    mode: str = request.node.callspec.params["server"]
    return OUTCOMES[mode.split()[0]]


def test_each(server: Server, outcomes: dict[str, tuple[int, bytes] | None]) -> None:
    """Its own request is answered, or broken off; those of others are served."""
    with server.connect() as other:
        for path, outcome in outcomes.items():
            with server.connect() as wire:
                wire.send(get(target=path.encode()))
                if outcome is BROKEN:
                    assert cut_or_failed(server, path), path
                else:
                    answer = wire.response()
                    assert (answer.status, answer.body) == outcome, path
            assert other.ask(get(target=b"/")).body == b"served", path


def cut_or_failed(server: Server, path: str) -> bool:
    """Whether the response is a 500, or ends before its end."""
    with server.connect() as wire:
        wire.send(get(target=path.encode()))
        try:
            return wire.response().status == 500
        except (ConnectionError, EOFError, AssertionError, ValueError):
            return True


def test_each_over_http2(server: Server, outcomes: dict[str, tuple[int, bytes] | None]) -> None:
    """The same on the streams of one connection, which goes on."""
    with http2.connect(server.address) as client:
        for path, outcome in outcomes.items():
            answer = client.get(path)
            if outcome is BROKEN:
                assert answer.reset is not None or answer.status == 500, path
            else:
                assert (answer.status, bytes(answer.body)) == outcome, path
        assert client.get("/").body == b"served"


@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_a_body_that_runs_python_when_it_goes(server: Server, protocol: str) -> None:
    """It goes while others are served, in a connection that its client leaves, too."""
    for _ in range(3):
        with server.connect() as slow, server.connect() as other:
            if protocol == "http2":
                slow_client = http2.Client(slow, reads=False, window=0)
                slow_client.ask("/mourned")
            else:
                slow.send(get(target=b"/mourned"))
            assert other.ask(get(target=b"/")).body == b"served"
            slow.close()
            assert other.ask(get(target=b"/")).body == b"served"
    server.stderr.wait(lambda text: text.count("a body has gone") >= 3, "three bodies have gone")


def test_the_collector_among_bad_fields(request: pytest.FixtureRequest, server: Server) -> None:
    """Finalizers run while fields are read, and other threads with them."""
    if "asgi" in request.node.callspec.params["server"]:
        pytest.skip("start_response() is WSGI's")
    with ExitStack() as stack:
        wires = [stack.enter_context(server.connect()) for _ in range(4)]
        for wire in wires:
            wire.send(get(target=b"/surrogates"))
        for wire in wires:
            assert wire.response().body == b"served"


def test_a_send_from_a_finalizer(request: pytest.FixtureRequest, server: Server) -> None:
    """It is as good as any other."""
    if "wsgi" in request.node.callspec.params["server"]:
        pytest.skip("send() is ASGI's")
    with server.connect() as waiting, server.connect() as wire:
        waiting.send(get(target=b"/waiting"))
        waiting.sock.recv(1, 2)  # MSG_PEEK: it has begun
        assert wire.ask(get(target=b"/mourned")).body == b"m" * LARGE
        assert waiting.response().body == b"begun, from __del__"
