"""Certificates for localhost that last as long as a test, and what a client has to trust."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate with its key in PEM files, and a client that trusts its authority alone."""

    cert: Path
    key: Path
    client: ssl.SSLContext

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a server that uses them."""
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))


def write_certificate(directory: Path) -> Files:
    """A new authority and a new certificate, in place of any that were written there before."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    files = Files(directory / "cert.pem", directory / "key.pem", ssl.create_default_context())
    files.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(files.key))
    files.client.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    return files
