"""OCSP responses that go out with certificates."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from tests.kit import Server, serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.test_tls import refused

APP = "tests.process.tls_asgi:app"
HOUR = datetime.timedelta(hours=1)


def respond(
    files: Files,
    path: Path,
    *,
    until: datetime.timedelta = HOUR,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
) -> tuple[str, str]:
    """Write what the authority says of the certificate, and give the option for it."""
    now = datetime.datetime.now(datetime.UTC)
    key = serialization.load_pem_private_key(files.authority.private_key_pem.bytes(), None)
    issuer = x509.load_pem_x509_certificate(files.authority.cert_pem.bytes())
    revoked = now - HOUR if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=x509.load_pem_x509_certificate(files.cert.read_bytes()),
        issuer=issuer,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=now - 2 * HOUR,
        next_update=now + until,
        revocation_time=revoked,
        revocation_reason=None,
    )
    response = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer).sign(
        key,  # type: ignore[arg-type]
        hashes.SHA256(),
    )
    path.write_bytes(response.public_bytes(serialization.Encoding.DER))
    return ("--tls-ocsp", str(path))


def stapled(server: Server, name: str, version: str) -> bool:
    """Whether OpenSSL is sent a response that says its certificate is good."""
    address = server.url.removeprefix("http://")
    command = ["openssl", "s_client", "-connect", address, "-servername", name, "-status", version]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ("OCSP Response Status: successful" in done.stdout) != (
        "OCSP response: no response sent" in done.stdout
    )
    return "Cert Status: good" in done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_each_goes_with_its_certificate(tmp_path: Path, version: str) -> None:
    """Which one that is, it says itself; one out of date stays here."""
    three = [write_certificate(tmp_path / name, f"{name}.test") for name in ("a", "b", "c")]
    late = respond(three[2], tmp_path / "c.der", until=-HOUR)
    good = respond(three[1], tmp_path / "b.der")
    options = [option for files in three for option in files.options]
    with serve(APP, *options, *late, *good, app_dir=ROOT) as server:
        assert stapled(server, "b.test", version)
        assert not stapled(server, "a.test", version)
        assert not stapled(server, "c.test", version)


def test_wrong_files(tmp_path: Path) -> None:
    files = write_certificate(tmp_path / "1")
    path = tmp_path / "1.der"
    other = respond(write_certificate(tmp_path / "2"), tmp_path / "2.der")
    assert f'--tls-ocsp: "{other[1]}" is about none' in refused(*files.options, *other)
    bad = respond(files, path, status=ocsp.OCSPCertStatus.REVOKED)
    assert f'"{path}" does not say that its certificate is good' in refused(*files.options, *bad)
    unknown = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    path.write_bytes(unknown.public_bytes(serialization.Encoding.DER))
    assert "says that the responder has failed" in refused(*files.options, *bad)
    path.write_bytes(b"0\x82nonsense")
    assert "is no OCSP response in DER" in refused(*files.options, *bad)
