"""The grammar of listening addresses."""

from __future__ import annotations

import pytest

from tricorn.config.address import (
    MOST_UNIX_PATH,
    Address,
    FdAddress,
    TcpAddress,
    UnixAddress,
    parse_address,
)

ACCEPTED: list[tuple[str, Address]] = [
    ("127.0.0.1:8000", TcpAddress("127.0.0.1", 8000)),
    ("localhost:0", TcpAddress("localhost", 0)),
    ("app_1.internal:65535", TcpAddress("app_1.internal", 65535)),
    (":8000", TcpAddress("0.0.0.0", 8000)),
    ("[::1]:8000", TcpAddress("::1", 8000)),
    ("[::]:0", TcpAddress("::", 0)),
    ("[fe80::1%eth0]:80", TcpAddress("fe80::1%eth0", 80)),
    ("unix:app.sock", UnixAddress("app.sock")),
    ("unix:/run/app.sock", UnixAddress("/run/app.sock")),
    ("unix:///run/app.sock", UnixAddress("/run/app.sock")),
    ("unix:/run/a:b.sock", UnixAddress("/run/a:b.sock")),
    ("unix:" + "x" * MOST_UNIX_PATH, UnixAddress("x" * MOST_UNIX_PATH)),
    ("fd://3", FdAddress(3)),
    ("fd://0", FdAddress(0)),
]

REFUSED = [
    ("", "has no port"),
    ("8000", r"has no port.*as 127\.0\.0\.1:8000"),
    ("localhost", r"has no port.*as localhost:8000"),
    ("localhost:", "has no valid port"),
    ("localhost:http", "has no valid port"),
    ("localhost:65536", "has no valid port"),
    ("localhost:+80", "has no valid port"),
    ("localhost:-1", "has no valid port"),
    ("::1:8000", r"in brackets"),
    ("[::1]", r"in brackets"),
    ("[::1", r"in brackets"),
    ("[127.0.0.1]:80", "brackets around what is not an IPv6 address"),
    ("a b:80", "cannot be one"),
    ("user@host:80", "cannot be one"),
    ("/tmp/z.sock", r"has no port.*\(as unix:/tmp/z\.sock\)$"),
    ("./z.sock", r"\(as unix:\./z\.sock\)$"),
    ("http://localhost:81", "is a URL; write localhost:81$"),
    ("http://localhost:81/x", "is a URL; write localhost:81$"),
    ("HTTP://[::1]", r"is a URL; write \[::1\]:80$"),
    ("https://localhost", "is a URL; write localhost:443, and --tls-cert FILE$"),
    ("tcp://localhost:80", "scheme that is not known"),
    ("unix:", "has no path"),
    ("unix://", "has no path"),
    ("unix:a\0b", "NUL"),
    ("unix:" + "x" * (MOST_UNIX_PATH + 1), "at most 107"),
    ("unix:" + "ü" * 54, "108 bytes"),
    ("fd://", "no descriptor number"),
    ("fd://-1", "no descriptor number"),
    ("fd://x", "no descriptor number"),
]


@pytest.mark.parametrize(("text", "address"), ACCEPTED)
def test_accepts(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_address(text)


@pytest.mark.parametrize("address", [address for _, address in ACCEPTED])
def test_reads_what_it_shows(address: Address) -> None:
    assert parse_address(str(address)) == address
