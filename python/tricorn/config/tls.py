"""The section about TLS, and its files: read and checked together with the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tricorn.config.origin import Mistake, Origin
from tricorn.config.setting import setting

if TYPE_CHECKING:
    from tricorn._core import TlsContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS: HTTPS on every address, with a certificate."""

    cert: str | None = setting(
        None,
        flag="--tls-cert",
        metavar="FILE",
        help="Certificate in PEM, followed by those that lead to its authority. With it, every "
        "address speaks HTTPS.",
        gunicorn="certfile",
        uvicorn="ssl_certfile",
    )
    key: str | None = setting(
        None,
        flag="--tls-key",
        metavar="FILE",
        help="Private key of the certificate in PEM, without a password. Without it, the key is "
        "in the file of --tls-cert.",
        gunicorn="keyfile",
        uvicorn="ssl_keyfile",
    )
    min_version: str = setting(
        "1.2",
        flag="--tls-min-version",
        choices=("1.2", "1.3"),
        help="Oldest version of TLS that is spoken.",
    )

    @property
    def scheme(self) -> str:
        """The scheme of the addresses that are served."""
        return "https" if self.cert else "http"


class WrongFileError(Exception):
    """A file is not what its setting needs; ``mistake`` says which and why."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def load_context(
    tls: Tls, protocols: list[bytes], origins: Mapping[str, Origin]
) -> TlsContext | None:
    """Certificate and key, checked; None without a certificate.

    ``protocols`` are those that ALPN may choose from (RFC 7301). ``origins`` tells by
    flat name where each setting came from. Raises WrongFileError.
    """
    if tls.cert is None:
        if tls.key is None:
            return None
        text = "a key needs its certificate: give --tls-cert too"
        raise WrongFileError(Mistake(str(origins["tls_key"]), text))
    from tricorn._core import TlsContext

    paths = {"tls_cert": tls.cert, "tls_key": tls.key or tls.cert}
    said = {**origins, "tls_key": origins["tls_key" if tls.key else "tls_cert"]}
    contents = {name: _read(path, said[name]) for name, path in paths.items()}
    try:
        pem = contents["tls_cert"], contents["tls_key"]
        return TlsContext(*pem, tls.min_version, protocols)
    except ValueError as error:
        name, text = error.args
        raise WrongFileError(Mistake(str(said[name]), f'"{paths[name]}" {text}')) from None


def _read(path: str, origin: Origin) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WrongFileError(Mistake(str(origin), f'"{path}" can\'t be read: {reason}')) from None
