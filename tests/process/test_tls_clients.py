"""Certificates of clients: none, optional, required, revoked; and what applications are told."""

from __future__ import annotations

import datetime
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.kit import Server, Wire, serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.http2 import agreed, connect
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_tls import Secure, refused

INTERFACES = ["asgi", "wsgi"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


class Clients:
    """An authority of clients, with its file, and one client that has a certificate of it."""

    def __init__(self, directory: Path, files: Files) -> None:
        self.authority = trustme.CA(organization_name="Clients & Söhne, Inc.")
        self.ca = directory / "clients.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.issued = self.authority.issue_cert("alice@client.test", common_name="Alice")
        self.known = files.new_client()
        self.issued.configure_cert(self.known)
        self.pem = self.issued.cert_chain_pems[0].bytes().decode()

    def revoke(self, path: Path, *, days: int = 7, of: trustme.LeafCert | None = None) -> None:
        """Write a list that has the client's certificate or another, valid for so many days."""
        now = datetime.datetime.now(datetime.UTC)
        own = x509.load_pem_x509_certificate((of or self.issued).cert_chain_pems[0].bytes())
        key = serialization.load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        issuer = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes()).subject
        entry = x509.RevokedCertificateBuilder().serial_number(own.serial_number)
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer)
            .last_update(now - datetime.timedelta(days=14))
            .next_update(now + datetime.timedelta(days=days))
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_revoked_certificate(entry.revocation_date(now).build())
            .sign(key, hashes.SHA256())  # type: ignore[arg-type]
        )
        path.write_bytes(crl.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def clients(tmp_path: Path, files: Files) -> Clients:
    return Clients(tmp_path, files)


@contextmanager
def asking(
    interface: str, files: Files, clients: Clients, auth: str, *more: str
) -> Iterator[Server]:
    options = (*files.options, "--tls-client-ca", str(clients.ca), "--tls-client-auth", auth)
    with serve(f"tests.process.tls_{interface}:app", *options, *more, app_dir=ROOT) as server:
        yield server


def told(server: Server, tls: ssl.SSLContext) -> Any:
    """What the application is told about TLS."""
    return json.loads(Secure(server, tls).get("/tls"))


def is_refused(server: Server, tls: ssl.SSLContext) -> bool:
    """Whether the handshake fails; TLS 1.3 tells a client when it first reads."""
    try:
        with Wire.connect(server.address, tls=tls) as wire:
            wire.send(get("/tls"))
            wire.response()
    except (ssl.SSLError, ConnectionError):
        return True
    return False


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_required(interface: str, files: Files, clients: Clients, version: ssl.TLSVersion) -> None:
    files.client.maximum_version = clients.known.maximum_version = version
    stranger = files.new_client()
    trustme.CA().issue_cert("mallory@client.test").configure_cert(stranger)
    stranger.maximum_version = version
    with asking(interface, files, clients, "required") as server:
        assert (
            clients.pem in told(server, clients.known).values()
            or [clients.pem] in told(server, clients.known).values()
        )
        assert is_refused(server, files.client)
        assert is_refused(server, stranger)
        assert told(server, clients.known)


@pytest.mark.parametrize("interface", INTERFACES)
def test_optional(interface: str, files: Files, clients: Clients) -> None:
    with asking(interface, files, clients, "optional") as server:
        without, known = told(server, files.client), told(server, clients.known)
    if interface == "asgi":
        assert (without["client_cert_chain"], without["client_cert_name"]) == ([], None)
        assert known["client_cert_chain"] == [clients.pem]
        name = x509.load_pem_x509_certificate(clients.pem.encode()).subject
        assert known["client_cert_name"] == name.rfc4514_string()
        assert known["client_cert_error"] is None
    else:
        assert without["SSL_CLIENT_VERIFY"] == "NONE"
        assert "SSL_CLIENT_CERT" not in without
        assert known["SSL_CLIENT_VERIFY"] == "SUCCESS"


def test_asgi_extension(files: Files) -> None:
    """Without certificates of clients: the rest of it; and nothing on a plain server."""
    with serve("tests.process.tls_asgi:app", *files.options, app_dir=ROOT) as server:
        assert told(server, files.client) == {
            "server_cert": files.cert.read_text(),
            "client_cert_chain": [],
            "client_cert_name": None,
            "client_cert_error": None,
            "tls_version": 0x0304,
            "cipher_suite": 0x1301,
        }
    with serve("tests.process.tls_asgi:app", app_dir=ROOT) as server, server.connect() as wire:
        assert wire.ask(get("/tls")).body == b"null"


@pytest.mark.parametrize("interface", INTERFACES)
def test_over_http2(interface: str, files: Files, clients: Clients) -> None:
    """Each stream has what was agreed on its connection."""
    with asking(interface, files, clients, "required", "--hsts", "600") as server:
        known = agreed(clients.known, "h2")
        with connect(server.address, tls=known) as client:
            for _ in range(2):
                answer = client.get("/tls")
                said = json.loads(answer.body)
                assert clients.pem in (
                    said.get("SSL_CLIENT_CERT"),
                    *said.get("client_cert_chain", ()),
                )
                assert answer.header("strict-transport-security") == "max-age=600"


def test_wsgi_variables(files: Files, clients: Clients) -> None:
    """Those of Apache's mod_ssl; names beyond ASCII as PEP 3333 wants them."""
    with asking("wsgi", files, clients, "required") as server:
        variables = told(server, clients.known)
    own = x509.load_pem_x509_certificate(clients.pem.encode())
    expected = {
        "HTTPS": "on",
        "SSL_PROTOCOL": "TLSv1.3",
        "SSL_CIPHER": "TLS_AES_128_GCM_SHA256",
        "SSL_TLS_SNI": "localhost",
        "SSL_CLIENT_VERIFY": "SUCCESS",
        "SSL_CLIENT_CERT": clients.pem,
        "SSL_CLIENT_S_DN": own.subject.rfc4514_string(),
        "SSL_CLIENT_I_DN": own.issuer.rfc4514_string().encode().decode("latin-1"),
        "SSL_CLIENT_M_SERIAL": own.serial_number.to_bytes(20, "big").lstrip(b"\0").hex().upper(),
        "SSL_CLIENT_M_VERSION": "3",
        "SSL_CLIENT_V_START": own.not_valid_before_utc.strftime("%b %e %H:%M:%S %Y GMT"),
        "SSL_CLIENT_V_END": own.not_valid_after_utc.strftime("%b %e %H:%M:%S %Y GMT"),
    }
    assert variables == expected
    with serve("tests.process.tls_wsgi:app", app_dir=ROOT) as server, server.connect() as wire:
        assert wire.ask(get("/tls")).body == b"{}"


def test_revoked(files: Files, clients: Clients, tmp_path: Path) -> None:
    """A list out of date vouches for nobody."""
    crl = tmp_path / "crl.pem"
    other = clients.authority.issue_cert("bob@client.test")
    bob = files.new_client()
    other.configure_cert(bob)
    clients.revoke(crl)
    with asking("asgi", files, clients, "required", "--tls-client-crl", str(crl)) as server:
        assert is_refused(server, clients.known)
        assert told(server, bob)["client_cert_chain"]
    clients.revoke(crl, days=-1)
    with asking("asgi", files, clients, "required", "--tls-client-crl", str(crl)) as server:
        assert is_refused(server, bob)


def test_settings_that_do_not_go_together(files: Files, clients: Clients, tmp_path: Path) -> None:
    ca, wrong = str(clients.ca), tmp_path / "wrong.pem"
    wrong.write_text("nonsense")
    for options, said in {
        ("--tls-client-auth", "required"): "give --tls-client-ca",
        ("--tls-client-ca", ca): "give --tls-client-auth required or optional",
        ("--tls-client-crl", ca): "give --tls-client-ca",
        ("--tls-client-auth", "optional", "--tls-client-ca", str(wrong)): (
            f'--tls-client-ca: "{wrong}" has no certificate'
        ),
        ("--tls-client-auth", "optional", "--tls-client-ca", ca, "--tls-client-crl", str(wrong)): (
            f'--tls-client-crl: "{wrong}" has no list'
        ),
    }.items():
        assert said in refused(*files.options, *options)
    assert "give --tls-cert too" in refused("--tls-client-auth", "required")
