"""The PROXY protocol: who says it is believed, whoever does not is closed, before TLS and HTTP."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Server, Wire
from tests.kit.certificates import write_certificate
from tests.kit.http2 import Client
from tests.process.test_proxies import Seen, interface, proxied, request, seen

__all__ = ["interface"]

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 7, 443)
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + struct.pack("!HH", 7, 443)


def binary(command: int, family: int, addresses: bytes, *vectors: tuple[int, bytes]) -> bytes:
    """A header of version 2."""
    parts = (struct.pack("!BH", kind, len(value)) + value for kind, value in vectors)
    rest = addresses + b"".join(parts)
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


V2 = binary(0x21, 0x11, V4)
LOCAL = binary(0x20, 0x00, b"")
OVER_TLS = (0x20, b"\x01\0\0\0\0" + b"\x21\0\x07TLSv1.3")


@pytest.fixture(scope="module")
def server(interface: str) -> Iterator[Server]:
    """A server that wants either version, and gives its clients a second."""
    with proxied(interface, "--proxy-protocol", "--head-timeout", "1s") as server:
        yield server


def ask(server: Server, header: bytes, *fields: str) -> Seen:
    """What the application sees of a request behind this header."""
    with server.connect() as wire:
        return seen(wire, header + request(*fields))


def is_closed(server: Server, sent: bytes) -> bool:
    """Whether the connection ends without an answer."""
    with server.connect() as wire:
        wire.send(sent)
        try:
            return wire.rest() == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (V1, ["192.0.2.7", 56324]),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 80 443\r\n", ["2001:db8::7", 80]),
        (b"PROXY UNKNOWN anything\r\n", None),
        (V2, ["192.0.2.7", 7]),
        (binary(0x21, 0x21, V6), ["2001:db8::7", 7]),
        (binary(0x21, 0x31, b"/" * 216), None),
        (binary(0x21, 0x00, b""), None),
    ],
)
def test_who_the_client_is(server: Server, header: bytes, client: object) -> None:
    assert ask(server, header)["client"] == client


def test_the_proxy_itself(server: Server) -> None:
    assert ask(server, LOCAL)["client"][0] == "127.0.0.1"


def test_it_holds_for_the_connection(server: Server) -> None:
    with server.connect() as wire:
        assert seen(wire, V2 + request())["client"] == ["192.0.2.7", 7]
        assert seen(wire, request())["client"] == ["192.0.2.7", 7]


@pytest.mark.parametrize("header", [V1, V2, binary(0x21, 0x11, V4, OVER_TLS)])
def test_in_pieces(server: Server, header: bytes) -> None:
    """At every place; only the first byte of the request comes with the last of the header."""
    for at in range(1, len(header)):
        with server.connect() as wire:
            wire.send(header[:at])
            assert seen(wire, header[at:] + request())["client"][0] == "192.0.2.7"


def test_byte_by_byte(interface: str, tmp_path: Path) -> None:
    with proxied(interface, "--proxy-protocol", "auto", unix=tmp_path / "socket") as server:
        for header in (V1, V2):
            with server.connect() as wire:
                wire.send_pieces(bytes([byte]) for byte in header + request()[:-1])
                assert seen(wire, request()[-1:])["client"][0] == "192.0.2.7"


def test_https_at_the_proxy(server: Server) -> None:
    assert ask(server, binary(0x21, 0x11, V4, OVER_TLS))["scheme"] == "https"
    assert ask(server, binary(0x21, 0x11, V4, (0x20, b"\0" * 5)))["scheme"] == "http"


def test_trust_is_in_who_is_named(server: Server) -> None:
    """A client behind the proxy is as little believed as one without it."""
    field = "X-Forwarded-For: 192.0.2.99"
    assert ask(server, V2, field)["client"][0] == "192.0.2.7"
    assert ask(server, b"PROXY UNKNOWN\r\n", field)["client"] is None
    inner = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
    assert ask(server, inner, field)["client"] == ["192.0.2.99", 0]


@pytest.mark.parametrize(
    "sent",
    [
        request(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n" + request(),
        b"PROXY TCP4 " + b"1" * 200,
        V1 + V1 + request(),
        binary(0x21, 0x12, V4) + request(),
        binary(0x21, 0x11, V4, (0x03, b"\0\0\0\0")) + request(),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
    ids=range(7),
)
def test_whoever_does_not_say_it_right_is_closed(server: Server, sent: bytes) -> None:
    """At once; a header behind another one is a bad request."""
    if sent.startswith(V1 + V1):
        with server.connect() as wire:
            assert wire.ask(sent).status == 400
    else:
        assert is_closed(server, sent)


def test_whoever_does_not_say_it_in_time_is_closed(server: Server) -> None:
    wires = [server.connect() for _ in range(3)]
    for wire, begun in zip(wires, (b"", SIGNATURE, V1[:-1]), strict=True):
        wire.send(begun)
    for wire in wires:
        with wire:
            assert wire.rest() == b""


def test_it_is_said_once(interface: str) -> None:
    with proxied(interface, "--proxy-protocol", "v2") as server:
        assert is_closed(server, V1 + request())
        assert is_closed(server, V1 + request())
        assert ask(server, V2)["client"][0] == "192.0.2.7"
        server.stop()
        assert server.stderr.text().count("does not begin with a header") == 1


def test_from_nobody_else(interface: str) -> None:
    options = ("--proxy-protocol", "v1", "--proxy-allow-from", "192.0.2.1")
    with proxied(interface, *options) as server:
        assert is_closed(server, V1 + request())
        server.stderr.wait(lambda text: "--proxy-allow-from does not name it" in text, "why")


def test_a_warm_up_comes_through_no_proxy(interface: str, tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    with proxied(interface, "--proxy-protocol", "--warmup-path", "/safe", *files.options):
        pass  # it would not be ready


def test_before_http2(interface: str) -> None:
    """Every stream has what is known of its connection, and fields of its own."""
    with proxied(interface, "--proxy-protocol", "--request-id") as server:
        wire = server.connect()
        wire.send(b"PROXY TCP4 127.0.0.1 127.0.0.1 7 8\r\n")
        with wire:
            client = Client(wire)
            fields = [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")]
            streams = [
                client.ask(headers=[*fields, ("x-request-id", "first")]),
                client.ask(headers=[("x-forwarded-for", "unknown")]),
                client.ask(headers=[("x-forwarded-proto", "gopher")]),
            ]
            answers = [client.finish(stream) for stream in streams]
        told = [json.loads(bytes(answer.body)) for answer in answers[:2]]
        assert [one["client"] for one in told] == [["192.0.2.9", 0], None]
        assert [one["scheme"] for one in told] == ["https", "http"]
        assert answers[0].header("x-request-id") == told[0]["id"] == "first"
        assert answers[2].status == 400


def test_before_tls(interface: str, tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    with proxied(interface, "--proxy-protocol", *files.options) as server:
        assert isinstance(server.address, tuple)
        for pieces in ([V2], [V2[:5], V2[5:]]):
            sock = socket.create_connection(server.address, timeout=10)
            for piece in pieces:
                sock.sendall(piece)
            with Wire(files.client.wrap_socket(sock, server_hostname="localhost")) as wire:
                told = seen(wire, request())
                assert (told["client"], told["scheme"]) == (["192.0.2.7", 7], "https")
        with pytest.raises((ssl.SSLError, OSError)), Wire.connect(server.address, tls=files.client):
            pass
