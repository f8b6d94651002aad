"""The files of the settings about TLS: read and checked together with the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tricorn.config.origin import Mistake, Origin
from tricorn.config.tls import Tls

if TYPE_CHECKING:
    from tricorn._core import TlsContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in the files, in PEM unless said otherwise, and the password of the keys."""

    pairs: tuple[tuple[bytes, bytes], ...]
    """Certificate with its chain, and key."""
    password: bytes | None
    client_ca: bytes | None
    client_crl: bytes | None
    ocsp: tuple[bytes, ...]
    """OCSP responses in DER."""


class WrongFileError(Exception):
    """A file is not what its setting needs; ``mistake`` says which and why."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def load_context(
    tls: Tls, bind: Sequence[str], protocols: list[bytes], origins: Mapping[str, Origin]
) -> TlsContext | None:
    """Certificates and keys, checked; None without a certificate.

    ``bind`` are the addresses that a certificate for development is for, ``protocols`` those that
    ALPN may choose from (RFC 7301); ``origins`` tells by flat name where each setting came from.
    Raises WrongFileError.
    """
    files = _Files(tls, bind, origins)
    if not tls.is_on:
        files.check_alone()
        return None
    from tricorn._core import TlsContext

    files.check_clients()
    try:
        return TlsContext(tls, protocols, files.contents())
    except ValueError as error:
        name, index, text = error.args
        raise files.wrong(name, text, index) from None


def renew(context: TlsContext, tls: Tls, origins: Mapping[str, Origin]) -> None:
    """Read the files again and use what they hold. Raises WrongFileError; nothing changes then."""
    files = _Files(tls, (), origins)
    try:
        context.replace(files.contents())
    except ValueError as error:
        name, index, text = error.args
        raise files.wrong(name, text, index) from None


def paths(tls: Tls) -> tuple[str, ...]:
    """All files that the settings name."""
    single = (tls.key_password_file, tls.client_ca, tls.client_crl)
    return (*tls.cert, *tls.key, *tls.ocsp, *(path for path in single if path is not None))


class _Files:
    """Reads the files; whatever is wrong with one is told with the setting that names it."""

    def __init__(self, tls: Tls, bind: Sequence[str], origins: Mapping[str, Origin]) -> None:
        self._tls = tls
        self._bind = bind
        self._origins = origins
        self._paths = {"tls_cert": tls.cert, "tls_key": tls.key or tls.cert, "tls_ocsp": tls.ocsp}

    def contents(self) -> Contents:
        """Read them all."""
        tls = self._tls
        return Contents(
            pairs=tuple(self._pairs()),
            password=self._password(),
            client_ca=self._single("tls_client_ca", tls.client_ca),
            client_crl=self._single("tls_client_crl", tls.client_crl),
            ocsp=tuple(self._read("tls_ocsp", at) for at in range(len(tls.ocsp))),
        )

    def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
        if self._tls.self_signed:
            made = self._self_signed()
            yield made, made
            return
        certs, keys = self._paths["tls_cert"], self._paths["tls_key"]
        if len(certs) != len(keys):
            text = f"{len(keys)} keys for {len(certs)} certificates: give one for each, in order"
            raise self._mistake("tls_key", text)
        for at in range(len(certs)):
            yield self._read("tls_cert", at), self._read("tls_key", at)

    def _self_signed(self) -> bytes:
        from tricorn.config.self_signed import self_signed

        if self._tls.cert or self._tls.key:
            text = "a certificate is given by --tls-cert and --tls-key too"
            raise self._mistake("tls_self_signed", text)
        try:
            return self_signed(self._bind)
        except ImportError:
            text = "a package to make one is not installed: pip install cryptography"
            raise self._mistake("tls_self_signed", text) from None

    def _password(self) -> bytes | None:
        path, text = self._tls.key_password_file, self._tls.key_password
        if path is not None:
            if text is not None:
                raise self._mistake(
                    "tls_key_password_file", "the password is given by --tls-key-password too"
                )
            content = self._single("tls_key_password_file", path) or b""
            return content.partition(b"\n")[0].removesuffix(b"\r")
        return None if text is None else text.encode("utf-8", "surrogateescape")

    def _single(self, name: str, path: str | None) -> bytes | None:
        if path is None:
            return None
        self._paths[name] = (path,)
        return self._read(name)

    def check_alone(self) -> None:
        """Raise if a setting needs the certificate that is not there."""
        if self._tls.key:
            raise self._mistake("tls_key", "a key needs its certificate: give --tls-cert too")
        if self._tls.redirect_http is not None:
            text = "there is no HTTPS to send anybody to: give --tls-cert too"
            raise self._mistake("redirect_http", text)
        if self._tls.hsts is not None:
            raise self._mistake("hsts", "it is said over HTTPS only: give --tls-cert too")
        if self._tls.client_auth != "none":
            text = "clients show certificates over TLS only: give --tls-cert too"
            raise self._mistake("tls_client_auth", text)

    def check_clients(self) -> None:
        """Raise unless the settings about clients go together."""
        auth, ca = self._tls.client_auth, self._tls.client_ca
        if auth != "none" and ca is None:
            text = f'"{auth}" needs the authorities that vouch for clients: give --tls-client-ca'
            raise self._mistake("tls_client_auth", text)
        if auth == "none" and ca is not None:
            text = (
                "no client is asked for a certificate: give --tls-client-auth required or optional"
            )
            raise self._mistake("tls_client_ca", text)
        if self._tls.client_crl is not None and ca is None:
            text = "it is of the authorities that vouch for clients: give --tls-client-ca"
            raise self._mistake("tls_client_crl", text)

    def wrong(self, name: str, text: str, index: int = 0) -> WrongFileError:
        """What is wrong with the ``index``-th file of a setting."""
        if name == "tls_key_password":
            if self._tls.key_password_file is None:
                return self._mistake(name, f'{text} in "{self._paths["tls_key"][index]}"')
            name, index = "tls_key_password_file", 0
        return self._mistake(name, f'"{self._paths[name][index]}" {text}')

    def _mistake(self, name: str, text: str) -> WrongFileError:
        if name == "tls_key" and not self._tls.key:
            name = "tls_cert"
        return WrongFileError(Mistake(str(self._origins[name]), text))

    def _read(self, name: str, index: int = 0) -> bytes:
        try:
            return Path(self._paths[name][index]).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise self.wrong(name, f"can't be read: {reason}", index) from None
