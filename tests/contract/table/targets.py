"""Rows about the request target: its four forms, its bytes, its decoding (RFC 9112 section 3.2)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Seen, head

HOST = b"Host: example.test"


def good(name: str, source: str, target: bytes, path: str, query: str = "", **more: str) -> Case:
    """A target that is served: the path and query the application must see."""
    method = more.pop("method", "GET")
    return Case(
        name=name,
        source=source,
        sent=head(method.encode() + b" " + target + b" HTTP/1.1", HOST),
        answers=(200,),
        after=KEPT,
        seen=(Seen(method=method, path=path, query=query, fields=more),),
    )


def bad(name: str, source: str, target: bytes, status: int = 400, method: bytes = b"GET") -> Case:
    """A target that is refused."""
    sent = head(method + b" " + target + b" HTTP/1.1", HOST) + SMUGGLED
    return Case(name=name, source=source, sent=sent, answers=(status,))


CASES = (
    good("path and query", "RFC 9112 3.2.1", b"/a/b?c=d&e", "/a/b", "c=d&e"),
    good("empty query", "RFC 9112 3.2.1", b"/a?", "/a"),
    good("question mark in the query", "RFC 3986 3.4", b"/a?b?c", "/a", "b?c"),
    good("two leading slashes are a path", "RFC 9112 3.2.1", b"//other.test/a", "//other.test/a"),
    good("dots stay as they are", "RFC 9112 3.2", b"/a/../b/./c", "/a/../b/./c"),
    good("escapes are decoded in the path", "RFC 3986 2.1", b"/a%20b%2Fc", "/a b/c"),
    good("escapes stay in the query", "RFC 3986 2.1", b"/?a=%20%2F", "/", "a=%20%2F"),
    good("an escape is decoded once", "RFC 3986 2.4", b"/%2541", "/%41"),
    good("escaped UTF-8", "RFC 3986 2.5", b"/caf%C3%A9", "/café"),
    good("escaped bytes that are not UTF-8", "RFC 3986 2.5", b"/%FF", "/\ufffd"),
    good("escape without digits", "RFC 3986 2.1", b"/100%", "/100%"),
    good("escape with wrong digits", "RFC 3986 2.1", b"/%zz", "/%zz"),
    good("plus is not a space in a path", "RFC 3986 2.2", b"/a+b", "/a+b"),
    good("colon and at sign in the path", "RFC 3986 3.3", b"/a:b@c", "/a:b@c"),
    good("semicolon in the path", "RFC 3986 3.3", b"/a;v=1", "/a;v=1"),
    good("URL inside the query", "RFC 3986 3.4", b"/?u=http://x/", "/", "u=http://x/"),
    good("asterisk form of OPTIONS", "RFC 9112 3.2.4", b"*", "*", method="OPTIONS"),
    good(
        "absolute form overrides Host",
        "RFC 9112 3.2.2",
        b"http://other.test:8080/a?b=c",
        "/a",
        "b=c",
        host="other.test:8080",
    ),
    good(
        "absolute form without a path",
        "RFC 9112 3.2.2",
        b"http://other.test",
        "/",
        host="other.test",
    ),
    good(
        "absolute form with a query alone", "RFC 9112 3.2.2", b"http://other.test?a=b", "/", "a=b"
    ),
    good(
        "absolute form in upper case",
        "RFC 3986 3.1",
        b"HTTP://other.test/A",
        "/A",
        host="other.test",
    ),
    good("absolute form with IPv6", "RFC 9112 3.2.2", b"http://[::1]:80/", "/", host="[::1]:80"),
    bad("absolute form without authority", "RFC 9110 4.2.1", b"http:///a"),
    bad("absolute form with user info", "RFC 9110 4.2.4", b"http://user@other.test/"),
    bad("absolute form with a bad port", "RFC 9112 3.2.2", b"http://other.test:8x/"),
    bad("absolute form with a bad host", "RFC 9112 3.2.2", b"http://a,b/"),
    bad("absolute form with open bracket", "RFC 9112 3.2.2", b"http://[::1/"),
    bad("absolute form of another scheme", "RFC 9112 3.2.2", b"ftp://other.test/"),
    Case(
        name="absolute form with a wrong Host",
        source="RFC 9112 3.2",
        sent=head(b"GET http://other.test/ HTTP/1.1", b"Host: a b"),
        answers=(400,),
    ),
    Case(
        name="absolute form without Host",
        source="RFC 9112 3.2",
        sent=head(b"GET http://other.test/ HTTP/1.1"),
        answers=(400,),
    ),
    Case(
        name="absolute form on HTTP/1.0 without Host",
        source="RFC 9112 3.2.2",
        sent=head(b"GET http://other.test/a HTTP/1.0"),
        answers=(200,),
        seen=(Seen(path="/a", fields={"host": "other.test"}),),
        announced=False,
    ),
    bad("asterisk form of GET", "RFC 9112 3.2.4", b"*"),
    bad("asterisk with a query", "RFC 9112 3.2.4", b"*?a", method=b"OPTIONS"),
    bad("relative path", "RFC 9112 3.2", b"a/b"),
    bad("dot path", "RFC 9112 3.2", b"./a"),
    bad("query alone", "RFC 9112 3.2", b"?a=b"),
    bad("authority form of GET", "RFC 9112 3.2.3", b"other.test:80"),
    bad("CONNECT", "RFC 9110 9.3.6", b"other.test:443", 501, b"CONNECT"),
    bad("fragment", "RFC 9112 3.2", b"/a#b"),
    bad("fragment after the query", "RFC 9112 3.2", b"/a?b#c"),
    bad("fragment in absolute form", "RFC 9112 3.2", b"http://other.test/#a"),
    bad("space in the target", "RFC 9112 3.2", b"/a b"),
    bad("tab in the target", "RFC 3986 2", b"/a\tb"),
    bad("NUL in the target", "RFC 3986 2", b"/a\0b"),
    bad("CR in the target", "RFC 3986 2", b"/a\rb"),
    bad("control byte in the target", "RFC 3986 2", b"/a\x1bb"),
    bad("DEL in the target", "RFC 3986 2", b"/a\x7fb"),
    bad("raw UTF-8 in the path", "RFC 3986 2", b"/caf\xc3\xa9"),
    bad("raw latin-1 in the query", "RFC 3986 2", b"/?caf\xe9"),
)
