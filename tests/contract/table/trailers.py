"""Rows about trailers: read like header fields, never merged into them (RFC 9112 7.1.2)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, chunked, get

SOURCE = "RFC 9112 7.1.2"
LARGE = (400, 431)
"""RFC 6585 5 speaks of the header section; for trailers either status is fair."""
DATA = b"5\r\nhello\r\n0\r\n"


def good(name: str, source: str, *lines: bytes, absent: tuple[str, ...]) -> Case:
    """Trailers that are read and do not show among the fields of the request."""
    body = DATA + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return Case(
        name=name,
        source=source,
        sent=chunked(body, b"X-Kept: 1", target=b"/") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(
            Seen(
                method="POST",
                body=b"hello",
                fields={"host": "example.test", "x-kept": "1"},
                absent=absent,
            ),
            Seen(path="/next", absent=absent),
        ),
    )


def bad(name: str, source: str, raw: bytes, due: Due = 400) -> Case:
    """A trailer section that is refused."""
    return Case(
        name=name, source=source, sent=chunked(DATA + raw) + SMUGGLED, answers=(due,), broken=True
    )


CASES = (
    good("a trailer", SOURCE, b"X-Sum: 1", absent=("x-sum",)),
    good("two trailers", SOURCE, b"X-Sum: 1", b"X-Other: 2", absent=("x-sum", "x-other")),
    good("an empty trailer", SOURCE, b"X-Sum:", absent=("x-sum",)),
    good("trailer with the name of a field", SOURCE, b"X-Kept: 2", absent=()),
    good(
        "authorization in a trailer",
        "RFC 9110 6.5.1",
        b"Authorization: x",
        absent=("authorization",),
    ),
    good("cookie in a trailer", "RFC 9110 6.5.1", b"Cookie: a=b", absent=("cookie",)),
    good("host in a trailer", "RFC 9110 6.5.1", b"Host: other.test", absent=()),
    good("length in a trailer", "RFC 9110 6.5.1", b"Content-Length: 3", absent=("content-length",)),
    good("connection in a trailer", "RFC 9110 6.5.1", b"Connection: close", absent=("connection",)),
    good(
        "coding in a trailer",
        "RFC 9110 6.5.1; CVE-2025-53643 (aiohttp)",
        b"Transfer-Encoding: gzip",
        absent=(),
    ),
    good(
        "forwarded address in a trailer",
        "RFC 9110 6.5.1",
        b"X-Forwarded-For: 1",
        absent=("x-forwarded-for",),
    ),
    bad("trailer without a colon", "RFC 9112 7.1.2; CVE-2023-40175 (Puma)", b"X-Sum\r\n\r\n"),
    bad("trailer with an empty name", SOURCE, b": 1\r\n\r\n"),
    bad("space before the colon", "RFC 9112 5.1", b"X-Sum : 1\r\n\r\n"),
    bad("folded trailer", "RFC 9112 5.2", b"X-Sum: 1\r\n 2\r\n\r\n"),
    bad("space before the first trailer", "RFC 9112 5.2", b" X-Sum: 1\r\n\r\n"),
    bad("NUL in a trailer", "RFC 9110 5.5", b"X-Sum: \0\r\n\r\n"),
    bad("bare CR in a trailer", "RFC 9112 2.2", b"X-Sum: 1\r2\r\n\r\n"),
    bad("bare LF ends a trailer", "RFC 9112 2.2; CVE-2022-35256 (Node)", b"X-Sum: 1\n\r\n"),
    bad("bare LF ends the trailers", "RFC 9112 2.2", b"X-Sum: 1\r\n\n"),
    bad("request in place of a trailer", "CVE-2023-40175 (Puma)", b"GET /hidden HTTP/1.1\r\n\r\n"),
    bad("data in place of a trailer", "CVE-2025-53643 (aiohttp)", b"5\r\nhello\r\n0\r\n\r\n"),
    bad("too many trailers", "CVE-2026-22815 (aiohttp)", b"X-A: 1\r\n" * 150 + b"\r\n", LARGE),
    bad(
        "too long a trailer",
        "CVE-2026-22815 (aiohttp)",
        b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
        LARGE,
    ),
    bad("endless trailer name", "CVE-2026-22815 (aiohttp)", b"a" * 70_000, LARGE),
    Case(
        name="end inside a trailer",
        source="RFC 9112 8",
        sent=chunked(DATA + b"X-Sum: 1\r\n"),
        answers=(400,),
        half_close=True,
        may_be_silent=True,
        broken=True,
    ),
)
