"""What proxies say of a client reaches the application, from those who are trusted alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit import Server, Wire, serve
from tests.kit.certificates import write_certificate
from tests.kit.process import ROOT

EVERY = "x-forwarded-for,x-forwarded-proto,x-forwarded-host,x-forwarded-port,x-forwarded-prefix"
TRUSTED = ("--forwarded-allow-ips", "127.0.0.1,unix,10.0.0.0/8")
Seen = dict[str, Any]


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def interface(request: pytest.FixtureRequest) -> str:
    """Which application answers."""
    name: str = request.param
    return name


@contextmanager
def proxied(interface: str, *options: str, unix: Path | None = None) -> Iterator[Server]:
    """The application that shows what it is told, on TCP or on a unix socket."""
    binds = (f"unix:{unix}",) if unix else ("127.0.0.1:0",)
    app = f"tests.process.proxied_{interface}:app"
    with serve(app, *options, app_dir=ROOT, binds=binds) as server:
        yield server


@pytest.fixture(scope="module")
def lists(interface: str) -> Iterator[Server]:
    """A server that believes all of X-Forwarded-* from this machine."""
    with proxied(interface, *TRUSTED, "--forwarded-headers", EVERY) as server:
        yield server


@pytest.fixture(scope="module")
def default(interface: str) -> Iterator[Server]:
    """A server as it is without settings."""
    with proxied(interface) as server:
        yield server


def request(*fields: str, path: str = "/a%20b", host: str = "inner:8000") -> bytes:
    """The bytes of a request with these fields."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "", "")
    return "\r\n".join(lines).encode()


def ask(server: Server, *fields: str, **more: str) -> Seen:
    """What the application sees of a request with these fields."""
    with server.connect() as wire:
        return seen(wire, request(*fields, **more))


def seen(wire: Wire, sent: bytes) -> Seen:
    """The same on a connection that is open."""
    response = wire.ask(sent)
    assert response.status == 200, response.body
    found: Seen = json.loads(response.body)
    return found


def status(server: Server, *fields: str) -> int:
    """The status of the answer, after which the connection is closed if it is 400."""
    with server.connect() as wire:
        response = wire.ask(request(*fields))
        assert response.status == 200 or wire.rest() == b""
        return response.status


def test_client_and_scheme_by_default(default: Server) -> None:
    told = ask(default, "X-Forwarded-For: 192.0.2.9, 192.0.2.1:4711", "X-Forwarded-Proto: https")
    assert told["client"] == ["192.0.2.1", 4711]
    assert told["scheme"] == "https"


def test_a_port_that_is_none(lists: Server) -> None:
    """… is not taken for another."""
    assert status(lists, "X-Forwarded-Host: a:99999") == 400
    assert status(lists, "X-Forwarded-Host: a:65535") == 200
    with lists.connect() as wire:
        assert wire.ask(request(host="a:65536")).status == 400


def test_the_server_itself() -> None:
    """An OPTIONS of * asks about no path, so it is below none (RFC 9110 9.3.7)."""
    with proxied("asgi", "--root-path", "/shop") as server, server.connect() as wire:
        told = seen(wire, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (told["root"], told["path"], told["raw"]) == ("/shop", "*", "*")


def test_https_on_follows_the_scheme(tmp_path: Path) -> None:
    """A trusted proxy that came by HTTPS may speak for a client that did not."""
    files = write_certificate(tmp_path)
    app = "tests.process.tls_wsgi:app"
    with serve(app, *files.options, app_dir=ROOT) as server:
        for told, shown in (("http", None), ("https", "on")):
            with Wire.connect(server.address, tls=files.client) as wire:
                body = wire.ask(request(f"X-Forwarded-Proto: {told}", path="/tls")).body
                assert json.loads(body).get("HTTPS") == shown


def test_nothing_else_by_default(default: Server) -> None:
    """Many proxies pass these on as a client sent them."""
    told = ask(
        default,
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "Forwarded: for=192.0.2.9;host=evil.test;proto=https",
    )
    assert told["client"][0] == "127.0.0.1"
    assert (told["scheme"], told["root"], told["host"]) == ("http", "", ["inner:8000"])
    assert tuple(told["server"]) == default.address


def test_each_request_is_told_anew(default: Server) -> None:
    with default.connect() as wire:
        port = wire.sock.getsockname()[1]
        for address in ("192.0.2.1", "192.0.2.2"):
            told = seen(wire, request(f"X-Forwarded-For: {address}", "X-Forwarded-Proto: https"))
            assert (told["client"], told["scheme"]) == ([address, 0], "https")
        told = seen(wire, request())
        assert (told["client"], told["scheme"]) == (["127.0.0.1", port], "http")


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("192.0.2.9, 192.0.2.1, 10.1.1.1", ["192.0.2.1", 0]),
        ("10.0.0.9, 10.1.1.1", ["10.0.0.9", 0]),
        ("2001:db8::1", ["2001:db8::1", 0]),
        ("[2001:db8::1]:80", ["2001:db8::1", 80]),
        ("::ffff:192.0.2.1", ["192.0.2.1", 0]),
        ("fe80::1%eth0", ["fe80::1", 0]),
        ("192.0.2.1, unknown, 10.1.1.1", None),
        ("_hidden", None),
        ("<script>", None),
    ],
)
def test_who_the_client_is(lists: Server, value: str, client: object) -> None:
    assert ask(lists, f"X-Forwarded-For: {value}")["client"] == client


@pytest.mark.parametrize(("proto", "scheme"), [("https", "wss"), ("wss", "wss"), ("http", "ws")])
def test_a_websocket(proto: str, scheme: str) -> None:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    told = ("X-Forwarded-For: 192.0.2.1", f"X-Forwarded-Proto: {proto}", "X-Request-Id: one")
    with proxied("asgi", "--request-id") as server, server.connect() as wire:
        response = wire.ask(request(*upgrade, *told))
        assert (response.status, response.header("x-request-id")) == (403, "one")
        found = json.loads(response.body)
        assert (found["scheme"], found["client"], found["id"]) == (scheme, ["192.0.2.1", 0], "one")


def test_host_and_port(lists: Server) -> None:
    told = ask(lists, "X-Forwarded-Proto: https", "X-Forwarded-Host: example.org")
    assert (told["host"], told["server"]) == (["example.org"], ["example.org", 443])
    told = ask(lists, "X-Forwarded-Host: example.org:8443", "X-Forwarded-Proto: https")
    assert (told["host"], told["server"]) == (["example.org:8443"], ["example.org", 8443])
    told = ask(lists, "X-Forwarded-Host: [::1]", "X-Forwarded-Port: 81")
    assert (told["host"], told["server"]) == (["[::1]:81"], ["::1", 81])


def test_port_alone(lists: Server) -> None:
    name = lists.address[0] if isinstance(lists.address, tuple) else ""
    told = ask(lists, "X-Forwarded-Port: 443", "X-Forwarded-Proto: https", host="example.org")
    assert (told["host"], told["server"]) == (["example.org"], [name, 443])
    told = ask(lists, "X-Forwarded-Port: 8443", "X-Forwarded-Proto: https", host="example.org")
    assert (told["host"], told["server"]) == (["example.org:8443"], [name, 8443])


def test_prefix(lists: Server) -> None:
    told = ask(lists, "X-Forwarded-Prefix: /app/")
    assert (told["root"], told["path"], told["raw"]) == ("/app", "/app/a b", "/app/a%20b")


@pytest.mark.parametrize(
    "fields",
    [
        ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"),
        ("X-Forwarded-Proto: http", "X-Forwarded-Protocol: ssl"),
        ("X-Forwarded-Proto: https, http",),
        ("X-Forwarded-Proto: https", "X-Forwarded-Proto: http"),
        ("X-Forwarded-Proto: gopher",),
        ("X-Forwarded-Host: a b",),
        ("X-Forwarded-Port: 0",),
        ("X-Forwarded-Prefix: //evil.test",),
        ("X-Forwarded-Prefix: /../x",),
    ],
)
def test_what_makes_no_sense_is_refused(lists: Server, fields: tuple[str, ...]) -> None:
    assert status(lists, *fields) == 400


def test_another_field_for_the_scheme(lists: Server) -> None:
    assert ask(lists, "X-Forwarded-Ssl: on")["scheme"] == "https"


def test_nobody_else_is_believed(interface: str) -> None:
    """Nor is a contradiction looked at: the fields are a client's own."""
    options = ("--forwarded-allow-ips", "192.0.2.1", "--forwarded-headers", EVERY)
    with proxied(interface, *options) as server:
        told = ask(
            server,
            "X-Forwarded-For: 192.0.2.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Ssl: off",
            "X-Forwarded-Host: evil.test",
            "X-Forwarded-Prefix: /evil",
        )
        assert told["client"][0] == "127.0.0.1"
        assert (told["scheme"], told["root"], told["host"]) == ("http", "", ["inner:8000"])


def test_forwarded(interface: str) -> None:
    with proxied(interface, *TRUSTED, "--forwarded-headers", "forwarded") as server:
        field = 'Forwarded: for=x;host=evil, for="[2001:db8::1]:9";proto=https;host="a.test"'
        told = ask(server, field + ", for=10.0.0.1;proto=http", "X-Forwarded-For: 192.0.2.9")
        assert (told["client"], told["scheme"]) == (["2001:db8::1", 9], "https")
        assert (told["host"], told["server"]) == (["a.test"], ["a.test", 443])
        assert status(server, "Forwarded: for=a for=b") == 400


def test_a_unix_socket(interface: str, tmp_path: Path) -> None:
    with proxied(interface, unix=tmp_path / "socket") as server:
        assert ask(server, "X-Forwarded-For: 192.0.2.1")["client"] == ["192.0.2.1", 0]
        assert ask(server)["client"] is None


def test_the_environment_of_the_rivals(interface: str) -> None:
    app = f"tests.process.proxied_{interface}:app"
    environment = {"FORWARDED_ALLOW_IPS": "192.0.2.1"}
    with serve(app, app_dir=ROOT, env=environment) as server:
        assert ask(server, "X-Forwarded-For: 192.0.2.9")["client"][0] == "127.0.0.1"


def test_no_proxy_headers() -> None:
    with proxied("asgi", "--no-proxy-headers") as server:
        assert ask(server, "X-Forwarded-For: 192.0.2.9")["client"][0] == "127.0.0.1"


def test_the_access_log_names_the_client(interface: str, tmp_path: Path) -> None:
    log = tmp_path / "access"
    options = ("--access-log", str(log), "--access-log-format", "%(h)s %({x-forwarded-for}i)s")
    with proxied(interface, *options) as server:
        ask(server, "X-Forwarded-For: 192.0.2.1")
        ask(server, "X-Forwarded-For: unknown")
    assert log.read_text().splitlines() == ["192.0.2.1 192.0.2.1", "- unknown"]
