"""HTTPS: real clients, large bodies both ways, bad files, reloads, and clients that misbehave."""

from __future__ import annotations

import hashlib
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_workers import children, wait_replaced
from tests.process.tls_asgi import BLOCK, SIZE

KINDS = {
    "asgi-asyncio": ("asgi", "--loop", "asyncio"),
    "asgi-uvloop": ("asgi", "--loop", "uvloop"),
    "wsgi-1": ("wsgi", "--threads", "1"),
    "wsgi-8": ("wsgi", "--threads", "8"),
}
LARGE = BLOCK * (SIZE // len(BLOCK))
HALF_FINISHED = 200


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


@dataclass(frozen=True, slots=True)
class Secure:
    """A server with a certificate, and a client that trusts it."""

    server: Server
    tls: ssl.SSLContext

    def connect(self) -> Wire:
        return Wire.connect(self.server.address, tls=self.tls)

    def get(self, path: str) -> bytes:
        """The body of one answer over a connection of its own."""
        with self.connect() as wire:
            return wire.ask(get(path)).body


@pytest.fixture(params=KINDS)
def secure(request: pytest.FixtureRequest, files: Files) -> Iterator[Secure]:
    interface, *options = KINDS[request.param]
    app = f"tests.process.tls_{interface}:app"
    with serve(app, *options, *files.options, app_dir=ROOT) as server:
        yield Secure(server, files.client)


def test_a_client_of_the_field(secure: Secure) -> None:
    """The ready line and the scheme say https; connections are kept."""
    url = secure.server.url.replace("http://", "https://")
    assert url in secure.server.stderr.text()
    with httpx.Client(verify=secure.tls, base_url=url) as client:
        assert [client.get("/scheme").text for _ in range(3)] == ["https"] * 3
        sent = client.post("/digest", content=LARGE)
    assert sent.text == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_large_answers(secure: Secure, path: str) -> None:
    assert secure.get(path) == LARGE


def test_a_file(secure: Secure, tmp_path: Path) -> None:
    """What sendfile(2) sends without TLS."""
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    assert secure.get(f"/file?{path}") == LARGE


def test_protocol(secure: Secure) -> None:
    with secure.connect() as wire:
        assert isinstance(wire.sock, ssl.SSLSocket)
        assert wire.sock.version() == "TLSv1.3"
    secure.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    secure.tls.set_alpn_protocols(["http/1.1"])
    with secure.connect() as wire:
        assert isinstance(wire.sock, ssl.SSLSocket)
        assert wire.sock.version() == "TLSv1.2"
        assert wire.sock.selected_alpn_protocol() == "http/1.1"
        assert wire.ask(get("/scheme")).body == b"https"


def test_min_version(files: Files) -> None:
    app = "tests.process.tls_asgi:app"
    with serve(app, *files.options, "--tls-min-version", "1.3", app_dir=ROOT) as server:
        assert Secure(server, files.client).get("/scheme") == b"https"
        files.client.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            Wire.connect(server.address, tls=files.client)


def test_plain_http(secure: Secure) -> None:
    """A client that forgot the s is told, and the connection ends."""
    with secure.server.connect() as wire:
        answer = wire.ask(get("/scheme"))
        assert answer.status == 400
        assert b"HTTPS" in answer.body
        assert wire.ended()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x00\x05hello", id="no hello"),
        pytest.param(b"\x16\x03\x01\xff\xff" + bytes(70_000), id="longer than a record"),
        pytest.param(bytes(1000), id="zeros"),
        pytest.param(b"\x80\x2e\x01\x00\x02", id="SSL 2"),
    ],
)
def test_bytes_that_are_no_tls(secure: Secure, sent: bytes) -> None:
    """The connection ends, by an alert or none; others are served."""
    with secure.server.connect() as wire:
        wire.send(sent)
        wire.half_close()
        try:
            rest = wire.rest()
        except ConnectionResetError:
            rest = b""
        assert rest[:1] in (b"", b"\x15")
    assert secure.get("/scheme") == b"https"


def hello(client: ssl.SSLContext) -> bytes:
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def test_half_finished_handshakes(secure: Secure) -> None:
    """They wait for the rest, also a byte at a time, and nobody waits for them."""
    first = hello(secure.tls)
    with ExitStack() as stack:
        for number in range(HALF_FINISHED):
            wire = stack.enter_context(secure.server.connect())
            wire.send(first if number % 2 else first[: number + 1])
        assert secure.get("/scheme") == b"https"
    assert secure.get("/scheme") == b"https"


def test_a_handshake_has_its_time(files: Files) -> None:
    app = "tests.process.tls_asgi:app"
    with serve(app, *files.options, "--head-timeout", "0.3", app_dir=ROOT) as server:
        first = hello(files.client)
        for sent in (b"", first[:10], first):
            with server.connect() as wire:
                wire.send(sent)
                wire.rest()  # and the end


def test_an_end_without_words(secure: Secure) -> None:
    """A body that stops with the connection is not whole, whoever cut it."""
    with secure.connect() as wire:
        head = b"POST /digest HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n"
        wire.send(head + bytes(100_000))
        wire.half_close()
        answer = wire.response("POST")
        assert answer.status == 400
        assert b"ended early" in answer.body
    assert secure.get("/scheme") == b"https"


def test_a_stop_ends_connections_well(files: Files) -> None:
    """An idle connection gets close_notify; without it, this would be an SSLEOFError."""
    with serve("tests.process.tls_asgi:app", *files.options, app_dir=ROOT) as server:
        with Secure(server, files.client).connect() as wire:
            assert wire.ask(get("/scheme")).body == b"https"
            server.send_signal(signal.SIGTERM)
            assert wire.ended()
        assert server.wait_exit() == 0


def refused(*options: str) -> str:
    """What the command says about wrong files; it ends with 2."""
    command = [sys.executable, "-m", "tricorn", "tests.process.tls_asgi:app", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr


@pytest.mark.parametrize("flag", ["--tls-cert", "--tls-key"])
def test_wrong_files(files: Files, tmp_path: Path, flag: str) -> None:
    """Each mistake names the setting, the file and what is wrong."""
    wrong = tmp_path / "wrong.pem"
    options = {"--tls-cert": files.cert, "--tls-key": files.key, flag: wrong}
    given = [str(part) for pair in options.items() for part in pair]
    for content, said in {
        None: "can't be read: No such file",
        "nonsense": "has no",
        "-----BEGIN CERTIFICATE-----\n!\n": "is not PEM" if flag == "--tls-cert" else "PEM",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n": (
            "has no" if flag == "--tls-cert" else "is encrypted"
        ),
    }.items():
        if content is not None:
            wrong.write_text(content)
        text = refused(*given)
        assert f"command line {flag}" in text
        assert f'"{wrong}" ' in text
        assert said in text


def test_key_of_another_certificate(files: Files, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_certificate(tmp_path / "other")
    text = refused("--tls-cert", str(files.cert), "--tls-key", str(other.key))
    assert f'"{other.key}" does not belong to the certificate' in text
    assert "give --tls-cert" in refused("--tls-key", str(files.key))


def peer(server: Server) -> bytes:
    """The certificate that the server shows now."""
    look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
    with Wire.connect(server.address, tls=look) as wire:
        assert isinstance(wire.sock, ssl.SSLSocket)
        return wire.sock.getpeercert(binary_form=True) or b""


def test_reload(files: Files, tmp_path: Path) -> None:
    """A new certificate is shown by the next generation; a bad one costs nothing."""
    app = "tests.process.tls_asgi:app"
    with serve(app, *files.options, "--workers", "2", app_dir=ROOT) as server:
        before, old = children(server), peer(server)
        files.cert.write_text("nonsense")
        server.send_signal(signal.SIGHUP)
        text = server.stderr.wait(lambda text: "reload failed" in text, "reload failed")
        assert f'--tls-cert: "{files.cert}" has no certificate' in text
        assert children(server) == before
        assert peer(server) == old
        renewed = write_certificate(tmp_path)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        wait_until(lambda: peer(server) != old or None, "the new certificate is shown")
        assert Secure(server, renewed.client).get("/scheme") == b"https"
