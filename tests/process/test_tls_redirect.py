"""Plain HTTP that is sent to HTTPS, and browsers that are told to come by HTTPS only."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kit import Server, Wire, serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_tls import refused
from tests.process.test_workers import children, wait_replaced

KINDS = {
    "asgi": ("asgi",),
    "wsgi": ("wsgi",),
    "workers": ("asgi", "--workers", "2"),
    "seats": ("asgi", "--workers", "2", "--reuse-port"),
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, files: Files) -> Iterator[Server]:
    interface, *options = KINDS[request.param]
    app = f"tests.process.tls_{interface}:app"
    more = ("--redirect-http", "0", "--hsts", "600; includeSubDomains")
    with serve(app, *files.options, *more, *options, app_dir=ROOT) as server:
        server.wait_ready(2)
        yield server


def test_redirects(server: Server, files: Files) -> None:
    """To the same path on the port of HTTPS; the connection is kept, and a POST stays one."""
    _, port = server.addresses[0]  # type: ignore[misc]
    assert " (redirects)" in server.stderr.text()
    with Wire.connect(server.addresses[1]) as wire:
        for asked, host, found in (
            ("/a%20b?c=d", "example.test", f"https://example.test:{port}/a%20b?c=d"),
            ("/", "example.test:8080", f"https://example.test:{port}/"),
            ("/x", "[::1]:80", f"https://[::1]:{port}/x"),
            ("http://other.test/y?", "example.test", f"https://other.test:{port}/y"),
        ):
            wire.send(f"GET {asked} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            answer = wire.response()
            assert (answer.status, answer.header("location")) == (301, found)
            assert answer.header("strict-transport-security") is None
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        assert wire.response("POST").status == 308
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        assert wire.response().status == 400
    with Wire.connect(server.addresses[1]) as wire:
        wire.send(b"GET / HTTP/1.1\r\n\r\n")
        assert wire.response().status == 400
    url = server.url.replace(f":{port}", f":{server.addresses[1][1]}")  # type: ignore[index]
    with httpx.Client(verify=files.client, follow_redirects=True) as client:
        answered = client.get(f"{url}/scheme")
        assert (answered.text, answered.url.scheme) == ("https", "https")


def test_hsts(server: Server, files: Files) -> None:
    with Wire.connect(server.address, tls=files.client) as wire:
        for path in ("/scheme", "/pid"):
            said = wire.ask(get(path)).header("strict-transport-security")
            assert said == "max-age=600; includeSubDomains"
        wire.send(b"nonsense\r\n\r\n")
        assert wire.response().header("strict-transport-security")


def test_the_application_has_the_word(files: Files) -> None:
    options = (*files.options, "--hsts", "600")
    with (
        serve("tests.process.tls_asgi:strict", *options, app_dir=ROOT) as server,
        Wire.connect(server.address, tls=files.client) as wire,
    ):
        assert wire.ask(get("/")).header("strict-transport-security") == "max-age=1"


def test_reload(files: Files) -> None:
    options = (*files.options, "--redirect-http", "0", "--workers", "1")
    with serve("tests.process.tls_asgi:app", *options, app_dir=ROOT) as server:
        server.wait_ready(2)
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        with Wire.connect(server.addresses[1]) as wire:
            assert wire.ask(get("/")).status == 301


def test_settings(files: Files) -> None:
    assert "give --tls-cert too" in refused("--redirect-http", "80")
    assert "give --tls-cert too" in refused("--hsts", "1")
    assert "is not a number of seconds" in refused(*files.options, "--hsts", "a year")
