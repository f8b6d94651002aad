"""Requests and responses over streams: bodies both ways, trailers, hints, many at a time."""

from __future__ import annotations

import json

import pytest

from tests.kit.http2 import Answer, Client, connect
from tests.kit.wire import Address, Wire

LARGE = 3_000_000


def test_many_at_a_time(each: Address) -> None:
    """A hundred streams on one connection, each with its own answer."""
    with connect(each) as client:
        streams = [client.ask(f"/large?{size}") for size in range(100)]
        assert [len(client.finish(stream).body) for stream in streams] == list(range(100))


def test_upload_and_download(each: Address) -> None:
    """Bodies larger than every window and buffer."""
    with connect(each) as client:
        answer = client.finish(client.post(b"a" * LARGE, "/count"))
        assert json.loads(answer.body) == {"size": LARGE, "trailers": []}
        assert client.get(f"/large?{LARGE}").body == b"y" * LARGE


def test_uploads_side_by_side(each: Address) -> None:
    """Bodies that wait for their application keep no other from coming."""
    with connect(each) as client:
        streams = [client.ask("/count", "POST", end=False) for _ in range(20)]
        for stream in streams:
            client.give(stream, b"a" * 200_000)
        for stream in reversed(streams):
            client.h2.end_stream(stream)
        client.flush()
        for stream in streams:
            assert json.loads(client.finish(stream).body)["size"] == 200_000


def test_head_has_no_body(each: Address) -> None:
    """A HEAD ends with its fields."""
    with connect(each) as client:
        answer = client.get("/large?100", "HEAD")
        assert (answer.status, answer.header("content-length")) == (200, "100")
        assert not answer.body
        assert answer.header("server") == "tricorn"
        assert answer.header("connection") is None


def test_fields_that_streams_do_not_have(each: Address) -> None:
    """What is about connections, and what only requests have, is left out (RFC 9113 8.2.2)."""
    with connect(each) as client:
        answer = client.get("/fields")
        assert answer.body == b"with fields"
        names = {name for name, _ in answer.headers}
        assert "x-a" in names
        assert not names & {"te", "upgrade", "connection", "keep-alive", "transfer-encoding"}


def test_scope_of_a_stream(asgi: Address) -> None:
    """What the scope says: the version, and cookies that came in pieces as one."""
    with connect(asgi) as client:
        cookies = [("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2")]
        scope = json.loads(client.get("/scope", headers=cookies).body)
        assert (scope["http_version"], scope["method"], scope["scheme"]) == ("2", "GET", "http")
        fields = [(b"host", b"localhost"), (b"x-a", b"b"), (b"cookie", b"a=1; b=2")]
        assert scope["headers"] == str(fields)


def test_environ_of_a_stream(wsgi: Address) -> None:
    """What the environ says."""
    with connect(wsgi) as client:
        environ = json.loads(client.get("/scope", headers=[("cookie", "a=1")]).body)
        assert environ == {
            "SERVER_PROTOCOL": "HTTP/2",
            "REQUEST_METHOD": "GET",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": "a=1",
        }


def test_written_bodies(wsgi: Address) -> None:
    """write() waits for its client."""
    with connect(wsgi) as client:
        assert len(client.get("/written?1638400").body) == 1638400


NO_TRAILERS = [("host", "evil"), ("authorization", "Basic YTpi"), ("content-type", "a/b")]
"""They frame, route or authorise, and so are left out (RFC 9110 6.5.1)."""


def test_trailers_and_hints(asgi: Address) -> None:
    """103 ahead of the response, trailers behind it, and those of a request."""
    with connect(asgi) as client:
        answer = client.get("/trailers")
        assert answer.interim == [(103, [("link", "</a.css>; rel=preload")])]
        assert answer.body == b"body"
        assert answer.trailers == [("x-sum", "4"), ("x-case", "kept low")]
        stream = client.ask("/count", "POST", end=False)
        client.h2.send_data(stream, b"abc")
        client.h2.send_headers(stream, [*NO_TRAILERS, ("x-end", "yes")], end_stream=True)
        client.flush()
        expected = {"size": 3, "trailers": [["x-end", "yes"]]}
        assert json.loads(client.finish(stream).body) == expected


def test_go_ahead(asgi: Address) -> None:
    """100 (Continue) comes when the application asks for the body."""
    with connect(asgi) as client:
        stream = client.ask("/count", "POST", headers=[("expect", "100-continue")], end=False)
        answer = client.answers[stream]
        client.until(lambda: answer.interim != [], "the go-ahead")
        assert answer.interim == [(100, [])]
        client.h2.send_data(stream, b"abc", end_stream=True)
        client.flush()
        assert client.finish(stream).status == 200


REFUSED = {
    "two hosts": ({"headers": [("host", "other")]}, 400),
    "no host": ({"authority": None}, 400),
    "a long target": ({"path": "/" + "a" * 20_000}, 414),
    "many fields": ({"headers": [("x-a", "b")] * 101}, 431),
    "connect": ({"method": "CONNECT"}, 501),
    "a wrong target": ({"path": "/\u00e4"}, 400),
    "an unknown expectation": ({"headers": [("expect", "more")]}, 417),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(each: Address, what: str) -> None:
    """What is refused over HTTP/1.1 has the same status here, and costs its stream alone."""
    more, status = REFUSED[what]
    with connect(each) as client:
        other = client.ask("/slow")
        try:
            answer = client.get(**more)  # type: ignore[arg-type]
            assert answer.status == status or answer.reset is not None
        finally:
            assert client.finish(other).body == b"done"


def test_a_failing_body_is_cut(asgi: Address) -> None:
    """The client can't take what it has for the whole; other streams go on."""
    with connect(asgi) as client:
        other = client.ask("/slow")
        answer = client.get("/broken")
        assert answer.reset is not None
        assert not answer.ended
        assert client.finish(other).body == b"done"


def test_byte_by_byte(each: Address) -> None:
    """Frames may come in any pieces."""
    with Wire.connect(each) as wire:
        client = Client(wire)
        stream = client.h2.get_next_available_stream_id()
        client.answers[stream] = Answer()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", "/count")]
        client.h2.send_headers(stream, [*fields, (":authority", "a")])
        client.h2.send_data(stream, b"abc", end_stream=True)
        wire.send_pieces(bytes([byte]) for byte in client.h2.data_to_send())
        assert json.loads(client.finish(stream).body)["size"] == 3
