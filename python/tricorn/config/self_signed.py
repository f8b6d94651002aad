"""A certificate for development, made here: by its own word, so that browsers ask about it once."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tricorn.config.address import TcpAddress, parse_address

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_LASTS = timedelta(days=365)
_RENEWED = timedelta(days=60)
"""Before its end: a server that runs for a while is not to be warned about it."""
_EVERYWHERE = {"0.0.0.0", "::"}
_PROGRAMS = {"localhost", "127.0.0.1", "::1"}


def self_signed(bind: Iterable[str]) -> bytes:
    """Certificate and key in PEM for localhost and the hosts of these addresses.

    The same as the last time, as long as it is valid. Raises ImportError without the package
    ``cryptography``.
    """
    names = sorted({*_PROGRAMS, *_hosts(bind)})
    cache = _cache()
    if cache is None:
        return _make(names)
    path = cache / f"self-signed-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}.pem"
    with suppress(OSError, ValueError):
        kept = path.read_bytes()
        if _is_good(kept):
            return kept
    made = _make(names)
    with suppress(OSError):  # then it is for this run
        _keep(path, made)
    return made


def _hosts(bind: Iterable[str]) -> Iterator[str]:
    for address in map(parse_address, bind):
        if isinstance(address, TcpAddress):
            yield socket.gethostname() if address.host in _EVERYWHERE else address.host


def _cache() -> Path | None:
    """XDG Base Directory Specification."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "tricorn"
    try:
        return Path.home() / ".cache" / "tricorn"
    except RuntimeError:  # neither HOME nor an entry of this user
        return None


def _keep(path: Path, content: bytes) -> None:
    """Write it for its owner's eyes, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:  # its mode is 0600
        file.write(content)
    Path(file.name).replace(path)


def _is_good(pem: bytes) -> bool:
    """Whether it lasts for some time. Raises ValueError if it is no certificate."""
    from cryptography import x509

    left = x509.load_pem_x509_certificate(pem).not_valid_after_utc - datetime.now(UTC)
    return left > _RENEWED


def _make(names: Collection[str]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tricorn, self-signed")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + _LASTS)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(usage, False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(pem) + key.private_bytes(pem, pkcs8, plain)


def _name(text: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
