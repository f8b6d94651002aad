"""Certificates for localhost that last as long as a test, and what a client has to trust."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate with its key in PEM files, and a client that trusts its authority alone."""

    cert: Path
    key: Path
    client: ssl.SSLContext
    authority: trustme.CA

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a server that uses them."""
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))

    def new_client(self) -> ssl.SSLContext:
        """Another client that trusts the same authority."""
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(client)
        return client


def write_certificate(
    directory: Path,
    *names: str,
    authority: trustme.CA | None = None,
    password: str | None = None,
    days: float | None = None,
) -> Files:
    """A new certificate for ``names`` in place of any that was written there before.

    It is for localhost without names, of a new authority without one; ``password`` is its key's;
    it is valid until ``days`` from now.
    """
    authority = authority or trustme.CA()
    now = datetime.datetime.now(datetime.UTC)
    issued = authority.issue_cert(
        *(names or ("localhost", "127.0.0.1")),
        not_after=None if days is None else now + datetime.timedelta(days=days),
    )
    directory.mkdir(exist_ok=True)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    files = Files(directory / "cert.pem", directory / "key.pem", client, authority)
    files.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    files.key.write_bytes(_key(issued, password))
    return files


def _key(issued: trustme.LeafCert, password: str | None) -> bytes:
    plain = issued.private_key_pem.bytes()
    if password is None:
        return plain
    return load_pem_private_key(plain, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
