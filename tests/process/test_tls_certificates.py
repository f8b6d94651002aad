"""Several certificates by name, keys with a password, and keys that only root can read."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from tests.kit import Server, Wire, serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.test_tls import Secure, refused

APP = "tests.process.tls_asgi:app"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


def names(server: Server, asked: str | None, ciphers: str | None = None) -> set[str]:
    """The names in the certificate that a client gets; ``ciphers`` are for TLS 1.2 alone."""
    look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        look.maximum_version = ssl.TLSVersion.TLSv1_2
        look.set_ciphers(ciphers)
    with Wire.connect(server.address, tls=look, hostname=asked) as wire:
        assert isinstance(wire.sock, ssl.SSLSocket)
        der = wire.sock.getpeercert(binary_form=True) or b""
    text = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"],
        input=der,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return {part.partition(":")[2].strip() for part in text.splitlines()[1].split(",")}


def options(*all_files: Files) -> list[str]:
    """The options for these certificates, in order."""
    return [option for files in all_files for option in files.options]


def test_by_name(tmp_path: Path) -> None:
    """The one for the name; a wildcard is one label; the first for any other, or for none."""
    first = write_certificate(tmp_path / "1", "first.test", "localhost", "127.0.0.1")
    second = write_certificate(tmp_path / "2", "second.test", "*.Wild.test")
    third = write_certificate(tmp_path / "3", "a.wild.test")
    with serve(APP, *options(first, second, third), app_dir=ROOT) as server:
        for asked, shown in {
            "second.test": "second.test",
            "SECOND.test": "second.test",
            "b.wild.test": "second.test",
            "a.wild.test": "a.wild.test",
            "wild.test": "first.test",
            "a.b.wild.test": "first.test",
            "other.test": "first.test",
            None: "first.test",
        }.items():
            assert shown in names(server, asked), asked
        assert Secure(server, first.client).get("/scheme") == b"https"


def test_two_kinds_of_keys(tmp_path: Path) -> None:
    """Of two certificates for a name, a client gets the first that it can verify."""
    modern = write_certificate(tmp_path / "1", "one.test")
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    old = authority.issue_cert("one.test", "rsa.test", key_type=trustme.KeyType.RSA)
    old.cert_chain_pems[0].write_to_path(str(tmp_path / "rsa.pem"))
    old.private_key_pem.write_to_path(str(tmp_path / "rsa.key"))
    rsa = ("--tls-cert", str(tmp_path / "rsa.pem"), "--tls-key", str(tmp_path / "rsa.key"))
    with serve(APP, *modern.options, *rsa, app_dir=ROOT) as server:
        assert names(server, "one.test") == {"one.test"}
        assert names(server, "rsa.test") == {"one.test", "rsa.test"}
        assert names(server, "one.test", "ECDHE-RSA-AES128-GCM-SHA256") == {"one.test", "rsa.test"}


def test_each_needs_its_key(files: Files, tmp_path: Path) -> None:
    text = refused(*files.options, "--tls-cert", str(files.cert))
    assert "command line --tls-key: 1 keys for 2 certificates" in text
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nonsense")
    text = refused(*files.options, "--tls-cert", str(wrong), "--tls-key", str(wrong))
    assert f'command line --tls-cert: "{wrong}" has no certificate' in text


def test_password(tmp_path: Path) -> None:
    """From a file or the environment; nothing shows it."""
    files = write_certificate(tmp_path, password="s3cret word")
    said = tmp_path / "password"
    said.write_text("s3cret word\n")
    given = ("--tls-key-password-file", str(said))
    with serve(APP, *files.options, *given, app_dir=ROOT) as server:
        assert Secure(server, files.client).get("/scheme") == b"https"
    environ = {"TRICORN_TLS_KEY_PASSWORD": "s3cret word"}
    with serve(APP, *files.options, app_dir=ROOT, env=environ) as server:
        assert Secure(server, files.client).get("/scheme") == b"https"


def test_wrong_password(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, password="s3cret")
    text = refused(*files.options)
    assert f'--tls-key: "{files.key}" is encrypted; give its password' in text
    text = refused(*files.options, "--tls-key-password", "other")
    assert f'--tls-key-password: is not that of the key in "{files.key}"' in text
    assert "other" not in text
    said = tmp_path / "password"
    said.write_text("other")
    text = refused(*files.options, "--tls-key-password-file", str(said))
    assert f'--tls-key-password-file: "{said}" is not that of the key' in text
    given = ("--tls-key-password-file", str(said), "--tls-key-password", "s3cret")
    assert "is given by --tls-key-password too" in refused(*files.options, *given)


def test_traditional_encryption(files: Files, tmp_path: Path) -> None:
    """A form that is easily broken is not read; how to convert it is said."""
    old = tmp_path / "old.pem"
    command = f"openssl ec -aes256 -in {files.key} -out {old} -passout pass:x"
    subprocess.run(command.split(), check=True, capture_output=True)
    options = ("--tls-cert", str(files.cert), "--tls-key", str(old), "--tls-key-password", "x")
    assert "convert it with: openssl pkcs8 -topk8" in refused(*options)


def others_can_run() -> bool:
    """Whether a user without rights could run this interpreter."""
    library = Path(os.__file__)
    return all(place.stat().st_mode & 0o001 for place in library.parents)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not others_can_run(), reason="this Python is for its owner alone")
def test_key_of_root_alone(files: Files, tmp_path: Path) -> None:
    """Workers without rights show a certificate whose key they can't read."""
    files.key.chmod(0o400)
    tmp_path.chmod(0o700)
    options = (*files.options, "--workers", "1", "--user", "nobody")
    with serve(APP, *options, app_dir=ROOT) as server, Secure(server, files.client).connect() as w:
        assert w.ask(get("/scheme")).body == b"https"
