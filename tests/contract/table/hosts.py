"""Rows about the Host field: exactly one, and a valid one (RFC 9112 section 3.2)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Seen, head

SOURCE = "RFC 9112 3.2"


def good(name: str, source: str, value: bytes) -> Case:
    """A Host that is served and handed over as it is."""
    seen = Seen(fields={"host": value.decode("ascii")})
    sent = head(b"GET / HTTP/1.1", b"Host: " + value)
    return Case(name=name, source=source, sent=sent, answers=(200,), after=KEPT, seen=(seen,))


def bad(name: str, source: str, *values: bytes, version: bytes = b"HTTP/1.1") -> Case:
    """Host lines that are refused."""
    sent = head(b"GET / " + version, *(b"Host: " + value for value in values)) + SMUGGLED
    return Case(name=name, source=source, sent=sent, answers=(400,))


CASES = (
    good("host with a port", SOURCE, b"example.test:8080"),
    good("host with an empty port", "RFC 3986 3.2.3", b"example.test:"),
    good("host in upper case", SOURCE, b"EXAMPLE.Test"),
    good("IPv4 host", "RFC 3986 3.2.2", b"127.0.0.1:80"),
    good("IPv6 host", "RFC 3986 3.2.2", b"[::1]"),
    good("IPv6 host with a port", "RFC 3986 3.2.2", b"[2001:db8::1]:8080"),
    good("host with underscore", "RFC 3986 3.2.2", b"my_service"),
    good("host with escapes", "RFC 3986 3.2.2", b"ex%41mple.test"),
    good("host with a final dot", "RFC 3986 3.2.2", b"example.test."),
    good("empty host", SOURCE, b""),
    bad("no host", SOURCE),
    bad("two hosts", "RFC 9112 3.2; CVE-2026-34525 (aiohttp)", b"a.test", b"b.test"),
    bad("the same host twice", "RFC 9112 3.2; CVE-2026-34525 (aiohttp)", b"a.test", b"a.test"),
    bad("a host and an empty host", SOURCE, b"a.test", b""),
    bad("two hosts on HTTP/1.0", SOURCE, b"a.test", b"b.test", version=b"HTTP/1.0"),
    bad("bad host on HTTP/1.0", SOURCE, b"a b", version=b"HTTP/1.0"),
    bad("space in the host", SOURCE, b"a b"),
    bad("comma in the host", SOURCE, b"a.test,b.test"),
    bad("slash in the host", SOURCE, b"a.test/b"),
    bad("backslash in the host", SOURCE, b"a.test\\b"),
    bad("query in the host", SOURCE, b"a.test?b"),
    bad("fragment in the host", SOURCE, b"a.test#b"),
    bad("user info in the host", "RFC 9110 4.2.4", b"user@a.test"),
    bad("URL as the host", SOURCE, b"http://a.test"),
    bad("brackets around a name", "RFC 3986 3.2.2", b"[a.test]"),
    bad("open bracket", "RFC 3986 3.2.2", b"[::1"),
    bad("close bracket", "RFC 3986 3.2.2", b"::1]"),
    bad("IPv6 without brackets", "RFC 3986 3.2.2", b"::1"),
    bad("text after the bracket", "RFC 3986 3.2.2", b"[::1]a"),
    bad("port of letters", "RFC 3986 3.2.3", b"a.test:http"),
    bad("port with a sign", "RFC 3986 3.2.3", b"a.test:-1"),
    bad("two ports", "RFC 3986 3.2.3", b"a.test:80:80"),
    bad("high byte in the host", "RFC 3986 3.2.2", b"caf\xe9.test"),
    bad("angle bracket in the host", "RFC 3986 3.2.2", b"<a>"),
    bad("quote in the host", "RFC 3986 3.2.2", b'"a.test"'),
    Case(
        name="space before the colon of Host",
        source="RFC 9112 5.1",
        sent=head(b"GET / HTTP/1.1", b"Host : example.test"),
        answers=(400,),
    ),
)
