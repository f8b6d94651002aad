"""The handshake, and what the application may do instead."""

from __future__ import annotations

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.kit.websocket import Client, frame, handshake
from tests.websocket.conftest import APP, Connect


def test_what_the_application_says(connect: Connect) -> None:
    client = connect("/last?a=b", "Sec-WebSocket-Protocol: one, two")
    response = client.response
    assert response is not None
    assert response.header("sec-websocket-protocol") == "two"
    assert response.header("x-app") == "1"
    assert response.header("connection") == "Upgrade"
    assert response.header("date")
    scope = client.read().body.decode()
    for part in (
        "'type': 'websocket'",
        "'scheme': 'ws'",
        "'http_version': '1.1'",
        "'path': '/last'",
        "'query_string': b'a=b'",
        "'subprotocols': ['one', 'two']",
        "'spec_version': '2.5'",
        "'extensions': {'websocket.http.response': {}",
        "'tricorn.shutdown'",
    ):
        assert part in scope
    assert "'method'" not in scope
    client.closed(1000)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/refuse", 403, None),
        ("/deny", 401, b"who are you?"),
        ("/silent", 500, None),
    ],
)
def test_refused_by_the_application(
    server: Server, path: str, status: int, body: bytes | None
) -> None:
    with server.connect() as wire:
        response = wire.ask(handshake(path))
        assert response.status == status
        assert body is None or response.body == body


@pytest.mark.parametrize(
    ("without", "fields", "status"),
    [
        ("Sec-WebSocket-Version", [], 426),
        ("Sec-WebSocket-Version", ["Sec-WebSocket-Version: 8"], 426),
        ("Sec-WebSocket-Key", [], 400),
        ("Sec-WebSocket-Key", ["Sec-WebSocket-Key: short"], 400),
        ("", ["Content-Length: 3"], 400),
    ],
)
def test_refused_by_the_server(
    server: Server, without: str, fields: list[str], status: int
) -> None:
    with server.connect() as wire:
        response = wire.ask(handshake("/echo", *fields, without=without) + b"abc")
        assert (response.status, response.header("sec-websocket-version")) == (status, "13")


@pytest.mark.parametrize("without", ["Upgrade", "Connection"])
def test_another_upgrade_is_an_ordinary_request(server: Server, without: str) -> None:
    with server.connect() as wire:
        assert wire.ask(handshake("/", "Upgrade: h2c", without=without)).status == 200


def test_frames_that_come_with_the_request(server: Server) -> None:
    with server.connect() as wire:
        client = Client(wire)
        wire.send(handshake() + frame(1, b"early"))
        assert wire.response().status == 101
        assert client.read().body == b"early"


def test_wrong_messages_have_clear_errors(connect: Connect) -> None:
    told = connect("/wrong", "Sec-WebSocket-Protocol: a").read().body.decode().splitlines()
    for seen, part in zip(
        told,
        (
            "RuntimeError: send() expected 'websocket.accept', got 'websocket.send'",
            "RuntimeError: send() got a message of unknown type",
            "must be one that the client offers",
            "a subprotocol has its own key",
            "the WebSocket is accepted already",
            "neither 'bytes' nor 'text'",
            "TypeError: 'text' must be a str",
            "TypeError: 'bytes' must be bytes",
            "'code' of 'websocket.close' must be one that may be sent",
            "'code' of 'websocket.close' must be one that may be sent",
            "the WebSocket is accepted already",
            "send() got a message of unknown type",
            "has no 'type'",
        ),
        strict=True,
    ):
        assert part in seen


@pytest.mark.parametrize("option", ["--no-ws-per-message-deflate", "--no-ws-context-takeover"])
def test_compression_is_a_choice(option: str) -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    options = [option, "--access-log", "-"]
    with (
        serve(APP, *options, app_dir=ROOT) as server,
        Client(server.connect()).open("/echo", offer) as client,
    ):
        assert client.response is not None
        answer = client.response.header("sec-websocket-extensions") or ""
        assert ("no_context_takeover" in answer) == ("takeover" in option)
        assert client.ask("x") == "x"
        # The line is there while the connection is open.
        server.stdout.wait(lambda text: '"GET /echo HTTP/1.1" 101' in text, "an access line")


def test_wsgi_sees_an_ordinary_request() -> None:
    with serve("hello_wsgi:app", app_dir=ROOT / "examples") as server, server.connect() as wire:
        assert wire.ask(handshake("/")).status == 200
        assert wire.ask(handshake("/")).status == 200
