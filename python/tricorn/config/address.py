"""The grammar of a listening address: text in, one of three frozen shapes out. Opens nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_FORMS = "write host:port, [IPv6]:port, :port, unix:PATH or fd://N"

_REDIRECT = "redirect:"

# sun_path holds 108 bytes with its closing NUL (unix(7)).
MOST_UNIX_PATH = 107


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host name or IP address (without brackets) and a port; port 0 lets the kernel choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a unix domain socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class FdAddress:
    """The number of a socket that this process inherited."""

    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


@dataclass(frozen=True, slots=True)
class RedirectAddress(TcpAddress):
    """One where plain HTTP is answered with the way to HTTPS (``--redirect-http``)."""

    def __str__(self) -> str:
        return f"{_REDIRECT}{TcpAddress(self.host, self.port)}"


Address: TypeAlias = TcpAddress | UnixAddress | FdAddress


def parse_address(text: str) -> Address:
    """Read one listening address.

    Raises ValueError whose text follows the address in a sentence: ``"x" has no port; ...``.
    """
    scheme, separator, rest = text.partition(":")
    if separator and scheme == "unix":
        return _parse_unix(rest)
    if text.startswith("fd://"):
        return _parse_fd(text.removeprefix("fd://"))
    if text.startswith(_REDIRECT):
        address = _parse_tcp(text.removeprefix(_REDIRECT))
        return RedirectAddress(address.host, address.port)
    if text.lower().startswith(("http://", "https://")):
        raise ValueError(f"is a URL; write {_of_url(text.lower())}")
    if "://" in text:
        raise ValueError(f"starts with a scheme that is not known here; {_FORMS}")
    return _parse_tcp(text)


def _of_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    if not re.search(r":[0-9]+$", place):
        place += ":443" if scheme == "https" else ":80"
    return f"{place}, and --tls-cert FILE" if scheme == "https" else place


def _parse_unix(rest: str) -> UnixAddress:
    path = rest.removeprefix("//")
    if not path:
        raise ValueError("has no path; write unix:PATH")
    if "\0" in path:
        raise ValueError("has a NUL byte in its path")
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > MOST_UNIX_PATH:
        raise ValueError(
            f"has a path of {length} bytes; a unix socket's may have at most {MOST_UNIX_PATH}"
        )
    return UnixAddress(path)


def _parse_fd(number: str) -> FdAddress:
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ValueError("has no descriptor number; write fd://N, as fd://3")
    return FdAddress(int(number))


def _parse_tcp(text: str) -> TcpAddress:
    if "," in text:
        raise ValueError("is several addresses; give --bind for each")
    host, separator, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not re.fullmatch(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%.+)?", host):
            raise ValueError("has brackets around what is not an IPv6 address")
    elif ":" in host or text.startswith("["):
        raise ValueError(
            "is not complete; an IPv6 address goes in brackets before its port: [::1]:8000"
        )
    if not separator:
        raise ValueError(f"has no port; {_FORMS}{_port_hint(text)}")
    if re.search(r"[\s/@\[\]]", host):
        raise ValueError(f"has a host that cannot be one; {_FORMS}")
    return TcpAddress(host or "0.0.0.0", _parse_port(port))


def _port_hint(text: str) -> str:
    if "/" in text:
        return f" (as unix:{text})"
    example = f"127.0.0.1:{text}" if text.isdigit() else f"{text or '127.0.0.1'}:8000"
    return f" (as {example})"


def _parse_port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise ValueError("has no valid port; a port is a number from 0 to 65535")
    return int(text)
