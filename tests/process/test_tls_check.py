"""What `tricorn check` shows of certificates, and what a server that starts says of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trustme

from tests.kit import serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT

APP = "tests.process.tls_asgi:app"


def check(*all_files: Files) -> subprocess.CompletedProcess[str]:
    options = [option for files in all_files for option in files.options]
    command = [sys.executable, "-m", "tricorn", "check", APP, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_what_it_shows(tmp_path: Path) -> None:
    """Names, key, who has issued it, its end; nothing to warn about with a whole chain."""
    issuing = trustme.CA().create_child_ca()
    files = write_certificate(tmp_path, "one.test", "::1", authority=issuing, days=100.5)
    done = check(files)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.partition("certificate for ")[2].splitlines()
    assert lines[0] == "one.test, ::1"
    assert lines[1] == "  key      ECDSA P-256"
    assert [line.startswith("  issuer   ") for line in lines[2:5]] == [True, True, False]
    assert lines[4].startswith("  expires  20")
    assert "warning" not in done.stdout


def test_warnings(tmp_path: Path) -> None:
    """About its end, what is missing behind it, and what is there in its place."""
    soon = write_certificate(tmp_path / "1", "soon.test", days=10.5)
    mixed = write_certificate(
        tmp_path / "2", "mixed.test", authority=trustme.CA().create_child_ca(), days=100
    )
    own, _ = mixed.cert.read_text().split("-----END CERTIFICATE-----\n", 1)
    other = trustme.CA().cert_pem.bytes().decode()
    mixed.cert.write_text(f"{own}-----END CERTIFICATE-----\n{other}")
    done = check(soon, mixed)
    assert done.returncode == 0, done.stderr
    assert "warning: the certificate for soon.test expires in 10 days (20" in done.stdout
    assert "warning: nothing is behind the certificate for soon.test" in done.stdout
    assert "warning: behind the certificate for mixed.test comes that of" in done.stdout


def test_expired(tmp_path: Path) -> None:
    """A mistake to `check`; a server starts and says so."""
    late = write_certificate(tmp_path, "late.test", days=-1)
    done = check(late)
    assert done.returncode == 2
    said = "the certificate for late.test has expired"
    assert said in done.stdout
    for workers in ((), ("--workers", "1")):
        with serve(APP, *late.options, *workers, app_dir=ROOT) as server:
            server.stderr.wait(lambda text: said in text, "it has expired")


def test_a_key_of_rsa(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("rsa.test", key_type=trustme.KeyType.RSA)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))
    command = [sys.executable, "-m", "tricorn", "check", APP, "--tls-cert", str(cert)]
    done = subprocess.run(
        [*command, "--tls-key", str(key)], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert "key      RSA 2048" in done.stdout
