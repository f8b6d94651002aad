"""The section about TLS."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tricorn.config.kinds import Seconds
from tricorn.config.setting import setting


def _check_rotation(seconds: float) -> None:
    if 0 < seconds < 1:
        raise ValueError("is too small; the least is 1s, or 0 for no tickets")


def _check_hsts(text: str) -> None:
    if not re.fullmatch(r"[0-9]{1,10}(; ?includeSubDomains)?(; ?preload)?", text):
        raise ValueError(
            "is not a number of seconds, with includeSubDomains and preload behind it if you wish: "
            '"31536000; includeSubDomains"'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS: HTTPS on every address, with a certificate."""

    cert: tuple[str, ...] = setting(
        (),
        everyday=True,
        flag="--tls-cert",
        metavar="FILE",
        help="Certificate in PEM, followed by those that lead to its authority. With it, every "
        "address speaks HTTPS. Of several, a client gets the one for the name that it asks for, "
        "else the first.",
        gunicorn="certfile",
        uvicorn="ssl_certfile",
    )
    key: tuple[str, ...] = setting(
        (),
        everyday=True,
        flag="--tls-key",
        metavar="FILE",
        help="Private key of the certificate in PEM, for each in the same order. Without it, the "
        "key is in the file of --tls-cert.",
        gunicorn="keyfile",
        uvicorn="ssl_keyfile",
    )
    key_password: str | None = setting(
        None,
        needs="a certificate",
        flag="--tls-key-password",
        metavar="TEXT",
        help="Password of the private keys. Others can read a command line: better in "
        "TRICORN_TLS_KEY_PASSWORD or in a file.",
        secret=True,
        uvicorn="ssl_keyfile_password",
    )
    key_password_file: str | None = setting(
        None,
        needs="a certificate",
        flag="--tls-key-password-file",
        metavar="FILE",
        help="File whose first line is the password of the private keys.",
    )
    min_version: str = setting(
        "1.2",
        needs="a certificate",
        flag="--tls-min-version",
        choices=("1.2", "1.3"),
        help="Oldest version of TLS that is spoken.",
    )

    self_signed: bool = setting(
        False,
        flag="--tls-self-signed",
        help="Speak HTTPS with a certificate made here, for localhost and the hosts listened on: "
        "for development. It is kept in the user's cache, so that a browser asks once.",
    )
    client_auth: str = setting(
        "none",
        flag="--tls-client-auth",
        choices=("none", "optional", "required"),
        help="Whether clients show a certificate; one that is not valid is refused in any case.",
        gunicorn="cert_reqs",
        uvicorn="ssl_cert_reqs",
    )
    client_ca: str | None = setting(
        None,
        needs="a certificate",
        flag="--tls-client-ca",
        metavar="FILE",
        help="Certificates in PEM of the authorities that vouch for clients.",
        gunicorn="ca_certs",
        uvicorn="ssl_ca_certs",
    )
    client_crl: str | None = setting(
        None,
        needs="a certificate",
        flag="--tls-client-crl",
        metavar="FILE",
        help="Lists in PEM of certificates that these authorities have revoked.",
    )

    ocsp: tuple[str, ...] = setting(
        (),
        needs="a certificate",
        flag="--tls-ocsp",
        metavar="FILE",
        help="OCSP response in DER that is sent along with the certificate it is about, as long as "
        "it is valid.",
    )
    ticket_rotation: Seconds = setting(
        6 * 3600.0,
        needs="a certificate",
        flag="--tls-ticket-rotation",
        check=_check_rotation,
        help="Change the key of session tickets so often; sessions of the last key are still "
        "resumed. 0 gives out no tickets.",
    )

    watch: Seconds = setting(
        60.0,
        needs="a certificate",
        flag="--tls-watch",
        help="Look at the files so often, and use what is new in them without a restart; 0 for "
        "never.",
    )

    redirect_http: int | None = setting(
        None,
        flag="--redirect-http",
        metavar="PORT",
        least=0,
        most=65535,
        help="Listen for plain HTTP on this port too, on the same hosts, and send whoever comes "
        "there to HTTPS.",
    )
    hsts: str | None = setting(
        None,
        flag="--hsts",
        metavar="SECONDS",
        check=_check_hsts,
        help="Tell browsers for how long to use HTTPS only (Strict-Transport-Security), unless a "
        'response does. May go on as in "31536000; includeSubDomains; preload".',
    )

    @property
    def is_on(self) -> bool:
        """Whether there is a certificate."""
        return bool(self.cert) or self.self_signed

    @property
    def transport_security(self) -> str | None:
        """The value of Strict-Transport-Security (RFC 6797)."""
        return f"max-age={self.hsts}" if self.hsts is not None else None

    @property
    def scheme(self) -> str:
        """The scheme of the addresses that are served."""
        return "https" if self.is_on else "http"
