"""A certificate for development with one flag."""

from __future__ import annotations

import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509

from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.process.test_tls import Secure, refused

APP = "tests.process.tls_asgi:app"


@contextmanager
def serving(cache: Path, *options: str) -> Iterator[tuple[Server, bytes]]:
    """A server and the certificate that it shows."""
    env = {"XDG_CACHE_HOME": str(cache)}
    with serve(APP, "--tls-self-signed", *options, app_dir=ROOT, env=env) as server:
        host, port = server.address  # type: ignore[misc]
        yield server, ssl.get_server_certificate((str(host), int(port)), timeout=10).encode()


def test_it_is_kept(tmp_path: Path) -> None:
    """For whoever trusts it once, also over a restart; its key is nobody else's to read."""
    with serving(tmp_path) as (server, first):
        client = ssl.create_default_context(cadata=first.decode())
        assert Secure(server, client).get("/scheme") == b"https"
    with serving(tmp_path, "--workers", "1") as (server, second):
        assert Secure(server, client).get("/scheme") == b"https"
    assert first == second
    (kept,) = (tmp_path / "tricorn").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    certificate = x509.load_pem_x509_certificate(first)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(map(str, (one.value for one in names))) == {"localhost", "127.0.0.1", "::1"}


def test_without_a_cache(tmp_path: Path) -> None:
    """What can't be kept, or what is kept and broken, does not matter."""
    (tmp_path / "file").write_text("")
    with serving(tmp_path / "file") as (_, first), serving(tmp_path / "file") as (_, second):
        assert first != second
    with serving(tmp_path):
        pass
    (kept,) = (tmp_path / "tricorn").iterdir()
    kept.write_text("nonsense")
    with serving(tmp_path):
        assert kept.read_text() != "nonsense"


def test_settings(tmp_path: Path) -> None:
    text = refused("--tls-self-signed", "--tls-cert", "cert.pem")
    assert "a certificate is given by --tls-cert and --tls-key too" in text


def test_the_package_is_missing(tmp_path: Path) -> None:
    """What to install is said."""
    code = (
        "import sys; sys.modules['cryptography'] = None; sys.argv[1:] = ['main:app', "
        "'--tls-self-signed']; from tricorn.cli.main import main; sys.exit(main())"
    )
    env = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, env=env
    )
    assert done.returncode == 2, done.stderr
    assert "pip install cryptography" in done.stderr
