"""What an operator sets for requests holds for those of HTTP/2: in line, in time, in the log."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.http2.conftest import address_of, serve_streams
from tests.kit import Server, serve, wait_until
from tests.kit.http2 import Answer, Client, connect
from tests.kit.process import ROOT
from tests.process.conftest import BODY, KINDS
from tests.process.test_hangs import start as serve_hangs

HEALTH = ("--health-path", "/health")


@pytest.fixture(params=["asgi-uvloop", "wsgi-8"])
def kind(request: pytest.FixtureRequest) -> str:
    """An interface; one that answers while a request is in flight."""
    name: str = request.param
    return name


def served(kind: str, *options: str) -> AbstractContextManager[Server]:
    """An application whose ``/slow`` waits for the end of its body."""
    app, *own = KINDS[kind]
    return serve(app, *own, *options, app_dir=ROOT)


@contextmanager
def busy(server: Server, client: Client) -> Iterator[int]:
    """The stream of a request that the application has; with the block, its body ends."""
    stream = client.ask("/slow", "POST", end=False)
    client.give(stream, bytes(BODY - 1))
    server.stderr.wait(lambda text: "slow begins" in text, "slow begins")
    yield stream
    client.give(stream, b"\0")
    client.h2.end_stream(stream)
    client.flush()


def test_streams_wait_in_line(kind: str) -> None:
    """--max-in-flight counts streams one by one, and who gives up leaves the line."""
    options = ("--max-in-flight", "1", "--max-queued", "2", "--queue-timeout", "60s", *HEALTH)
    with served(kind, *options) as server, connect(server.address) as client:
        with busy(server, client) as first:
            waiting = [client.ask("/quick") for _ in range(2)]
            shed = client.get("/quick")
            assert (shed.status, shed.header("retry-after")) == (503, "60")
            assert client.get("/health/live").body == b"ok\n", "it waits for nobody"
            client.h2.reset_stream(waiting[0])
            client.until_answered()
            waiting.append(client.ask("/quick"))
            client.until_answered()
            assert not client.answers[waiting[1]].over
        assert client.finish(first).status == 200
        assert [client.finish(stream).body for stream in waiting[1:]] == [b"quick"] * 2


def test_the_time_in_line_is_bounded(kind: str) -> None:
    """--queue-timeout answers for the application."""
    options = ("--max-in-flight", "1", "--queue-timeout", "100ms")
    with served(kind, *options) as server, connect(server.address) as client:
        with busy(server, client) as first:
            assert client.get("/quick").status == 503
        assert client.finish(first).status == 200


@pytest.mark.parametrize(("kind", "path"), [("uvloop", "/wait"), ("wsgi-4", "/spin")])
def test_a_request_has_its_time(kind: str, path: str) -> None:
    """--request-timeout is for each stream, and costs the others nothing."""
    options = ("--request-timeout", "300ms")
    with serve_hangs(kind, *options) as server, connect(server.address) as client:
        stream = client.ask(path)
        assert client.get("/pid").status == 200
        assert client.finish(stream).status == 504
        assert client.get("/pid").status == 200
        assert client.goaway is None


def test_a_worker_is_recycled(kind: str) -> None:
    """--max-requests counts streams: the connection goes elsewhere, and nothing is lost."""
    with served(kind, "--workers", "1", "--max-requests", "3") as server:
        with connect(server.address) as client:
            streams = [client.ask("/quick") for _ in range(10)]
            assert [client.finish(stream).body for stream in streams] == [b"quick"] * 10
            client.end()
            assert client.goaway == 0
        with connect(server.address) as client:
            assert client.get("/quick").body == b"quick"


@pytest.mark.parametrize("mode", ["asgi", "wsgi"])
def test_each_stream_has_its_line(mode: str, tmp_path: Path) -> None:
    """In the access log, once it has ended, with what was sent of it."""
    log = tmp_path / "access.log"
    form = "%(m)s %(U)s %(H)s %(s)s %(B)s"
    options = ("--access-log", str(log), "--access-log-format", form, *HEALTH)
    exclude = ("--access-log-exclude", "/health/live")
    served = serve_streams(mode, *options, *exclude)
    with served as server, connect(address_of(server)) as client:
        assert client.get("/health/live").status == 200
        assert client.get("/health/ready").status == 200
        assert client.get("/large?70000").status == 200
        assert client.get("/large?9", "HEAD").status == 200
        client.h2.reset_stream(client.ask("/endless", now=False))  # gone before it is looked at
        client.until_answered()
        streams = [client.ask("/large?5") for _ in range(3)]
        assert [client.finish(stream).body for stream in streams] == [b"yyyyy"] * 3
    assert log.read_text().splitlines() == [
        "GET /health/ready HTTP/2 200 3",
        "GET /large HTTP/2 200 70000",
        "HEAD /large HTTP/2 200 0",
        *["GET /large HTTP/2 200 5"] * 3,
    ]


def ready(client: Client) -> Answer:
    """What a load balancer is told."""
    return client.get("/health/ready")


def test_a_stop_that_is_announced(kind: str) -> None:
    """During --drain-delay streams are served as before; then comes GOAWAY."""
    with served(kind, *HEALTH, "--drain-delay", "500ms") as server:
        with connect(server.address) as client, connect(server.address) as other:
            assert ready(client).status == 200
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: ready(client).status == 503, "not ready")
            assert client.get("/quick").body == b"quick"
            assert other.get("/quick").body == b"quick"
            assert (client.goaway, other.goaway) == (None, None)
            client.end()
            other.end()
            assert (client.goaway, other.goaway) == (0, 0)
        assert server.wait_exit() == 0
