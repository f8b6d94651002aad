"""WebSockets over streams (RFC 8441): the same application, an extended CONNECT."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http2.conftest import address_of
from tests.kit import serve
from tests.kit.http2 import Client, connect
from tests.kit.process import ROOT
from tests.kit.wire import Address

MASK = b"\x01\x02\x03\x04"


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """The echoing application."""
    app = "tests.http2.websocket_asgi:app"
    with serve(app, "--loop", request.param, app_dir=ROOT) as server:
        yield address_of(server)


def ask(client: Client, path: str = "/", **more: str) -> int:
    """An extended CONNECT for a WebSocket."""
    client.until(lambda: client.h2.remote_settings.enable_connect_protocol == 1, "the setting")
    fields = {"sec-websocket-version": "13", **more}
    headers = [(":protocol", "websocket"), *fields.items()]
    return client.ask(path, "CONNECT", headers=headers, end=False)


def masked(opcode: int, body: bytes) -> bytes:
    """One short frame of a client."""
    assert len(body) < 126
    scrambled = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(body))
    return bytes([0x80 | opcode, 0x80 | len(body)]) + MASK + scrambled


def say(client: Client, stream: int, frame: bytes, *, end: bool = False) -> None:
    """Send bytes on the stream."""
    client.h2.send_data(stream, frame, end_stream=end)
    client.flush()


def test_echo_and_close(address: Address) -> None:
    """Messages both ways, beside other streams, and an end that both sides say."""
    with connect(address) as client:
        stream = ask(client, **{"sec-websocket-protocol": "chat, other"})
        answer = client.answers[stream]
        client.until(lambda: answer.body == b"\x81\x042 ws", "the greeting")
        assert answer.status == 200
        assert answer.header("sec-websocket-protocol") == "chat"
        assert answer.header("sec-websocket-accept") is None
        assert client.get("/").status == 404
        for byte in masked(1, b"hello"):
            say(client, stream, bytes([byte]))
        client.until(lambda: answer.body.endswith(b"\x81\x05hello"), "the echo")
        say(client, stream, masked(8, b"\x03\xe8"), end=True)
        client.finish(stream)
        assert answer.body.endswith(b"\x88\x02\x03\xe8")
        assert answer.ended
        assert answer.reset is None


def test_many_on_one_connection(address: Address) -> None:
    """Each stream is a WebSocket of its own."""
    with connect(address) as client:
        streams = [ask(client) for _ in range(20)]
        for stream in streams:
            say(client, stream, masked(2, b"%d" % stream))
        for stream in streams:
            body = client.answers[stream].body
            text = b"%d" % stream
            expected = b"\x82" + bytes([len(text)]) + text
            client.until(lambda body=body, end=expected: body.endswith(end), "an echo")  # type: ignore[misc]


def test_refusals(address: Address) -> None:
    """By the application, by version, and of what is no WebSocket."""
    with connect(address) as client:
        assert client.finish(ask(client, "/no")).status == 403
        answer = client.finish(ask(client, **{"sec-websocket-version": "12"}))
        assert (answer.status, answer.header("sec-websocket-version")) == (426, "13")
        other = client.ask("/", "CONNECT", headers=[(":protocol", "connect-udp")], end=False)
        assert client.finish(other).status == 501


def test_a_stream_that_is_reset_is_lost(address: Address) -> None:
    """The application hears of it, and others go on."""
    with connect(address) as client:
        stream, other = ask(client), ask(client)
        client.until(lambda: client.answers[stream].body != b"", "the greeting")
        client.h2.reset_stream(stream, 8)
        say(client, other, masked(1, b"on"))
        client.until(lambda: client.answers[other].body.endswith(b"\x81\x02on"), "the echo")
