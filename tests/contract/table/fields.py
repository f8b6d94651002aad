"""Rows about header fields: names, values, line ends, repeats (RFC 9112 section 5)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Seen, get

SECTION = "RFC 9112 5"


def good(name: str, source: str, *lines: bytes, only: str | None = None, **values: str) -> Case:
    """Field lines that are served; ``values`` uses '_' for '-' in names."""
    fields = {key.replace("_", "-"): value for key, value in values.items()}
    return Case(
        name=name,
        source=source,
        sent=get(*lines),
        answers=(200,),
        after=KEPT,
        seen=(Seen(fields=fields),),
        only=only,
    )


def bad(name: str, source: str, *lines: bytes) -> Case:
    """Field lines that are refused."""
    return Case(name=name, source=source, sent=get(*lines) + SMUGGLED, answers=(400,))


def raw(name: str, source: str, rest: bytes) -> Case:
    """A head whose bytes after the request line are refused."""
    return Case(name=name, source=source, sent=b"GET / HTTP/1.1\r\n" + rest, answers=(400,))


CASES = (
    good("names ignore case", SECTION, b"x-ABC: 1", x_abc="1"),
    good("spaces and tabs around a value", "RFC 9112 5.1", b"X-A: \t v \t ", x_a="v"),
    good("no space before a value", "RFC 9112 5.1", b"X-A:v", x_a="v"),
    good("spaces and tabs inside a value", "RFC 9110 5.5", b"X-A: a \t b", x_a="a \t b"),
    good("empty value", "RFC 9110 5.5", b"X-A:", x_a=""),
    good("value of spaces", "RFC 9110 5.5", b"X-A:   ", x_a=""),
    good("colons in a value", SECTION, b"X-A: b: c:", x_a="b: c:"),
    good("high bytes in a value", "RFC 9110 5.5", b"X-A: caf\xe9", x_a="caf\xe9"),
    good("name of every token byte", "RFC 9110 5.1", b"!#$%&'*+-.^`|~09AZ: 1", only="asgi"),
    good("repeated lines are one list", "RFC 9110 5.3", b"X-A: 1", b"X-B: 2", b"X-A: 3", x_a="1,3"),
    good(
        "cookie lines",
        "RFC 9110 5.3, RFC 6265 5.4",
        b"Cookie: a=1",
        b"Cookie: b=2",
        cookie="a=1; b=2",
    ),
    good("content type", SECTION, b"Content-Type: text/x-t", content_type="text/x-t"),
    Case(
        name="underscore name does not reach WSGI",
        source="CVE-2024-45614 (Puma)",
        sent=get(b"X-Real-Ip: 1", b"X_Real_Ip: 2", b"X_Other: 3"),
        answers=(200,),
        after=KEPT,
        seen=(Seen(fields={"x-real-ip": "1"}, absent=("x-other",)),),
        only="wsgi",
    ),
    Case(
        name="underscore name stands for itself on ASGI",
        source="RFC 9110 5.1",
        sent=get(b"X-Real-Ip: 1", b"X_Real_Ip: 2"),
        answers=(200,),
        after=KEPT,
        seen=(Seen(fields={"x-real-ip": "1", "x_real_ip": "2"}),),
        only="asgi",
    ),
    Case(
        name="underscore Content_Length frames nothing",
        source="RFC 9110 5.1; CVE-2024-45614 (Puma)",
        sent=get(b"Content_Length: 5") + get(target=b"/b"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(absent=("content-length",)), Seen(path="/b")),
    ),
    Case(
        name="underscore Transfer_Encoding frames nothing",
        source="RFC 9110 5.1",
        sent=get(b"Transfer_Encoding: chunked") + get(target=b"/b"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(absent=("transfer-encoding",)), Seen(path="/b")),
    ),
    bad("folded value", "RFC 9112 5.2", b"X-A: 1", b" 2"),
    bad("value folded with a tab", "RFC 9112 5.2", b"X-A: 1", b"\t2"),
    bad("line of one space", "RFC 9112 5.2", b"X-A: 1", b" "),
    bad("space before the colon", "RFC 9112 5.1; CVE-2021-22959 (Node)", b"X-A : 1"),
    bad("tab before the colon", "RFC 9112 5.1", b"X-A\t: 1"),
    bad("no colon", SECTION, b"X-A"),
    bad("empty name", SECTION, b": 1"),
    bad("space inside a name", "RFC 9110 5.1", b"X A: 1"),
    bad("bracket in a name", "RFC 9110 5.1", b"X(A): 1"),
    bad("quote in a name", "RFC 9110 5.1", b'"X-A": 1'),
    bad("at sign in a name", "RFC 9110 5.1", b"X@A: 1"),
    bad("slash in a name", "RFC 9110 5.1", b"X/A: 1"),
    bad("high byte in a name", "RFC 9110 5.1; CVE-2023-47627 (aiohttp)", b"X-\xc4: 1"),
    bad("NUL in a name", "RFC 9110 5.1; CVE-2023-47627 (aiohttp)", b"X\0A: 1"),
    bad("NUL in a value", "RFC 9110 5.5", b"X-A: 1\0002"),
    bad("vertical tab in a value", "RFC 9110 5.5", b"X-A: 1\x0b2"),
    bad("form feed at the end of a value", "RFC 9110 5.5", b"X-A: 1\x0c"),
    bad("DEL in a value", "RFC 9110 5.5", b"X-A: 1\x7f"),
    bad("escape byte in a value", "RFC 9110 5.5", b"X-A: \x1b[31m"),
    bad("bare CR in a value", "RFC 9112 2.2; CVE-2023-30589 (Node)", b"X-A: 1\rX-B: 2"),
    bad("CR before the CRLF", "RFC 9112 2.2", b"X-A: 1\r"),
    bad("bare LF ends a field", "RFC 9112 2.2; CVE-2021-41136 (Puma)", b"X-A: 1\nX-B: 2"),
    raw("space before the first field", "RFC 9112 2.2", b" Host: example.test\r\n\r\n"),
    raw("tab before the first field", "RFC 9112 2.2", b"\tX: 1\r\nHost: example.test\r\n\r\n"),
    raw("bare LF ends the head", "RFC 9112 2.2", b"Host: example.test\r\n\n" + SMUGGLED),
    raw("LF LF ends the head", "RFC 9112 2.2", b"Host: example.test\n\n" + SMUGGLED),
    raw("LF CRLF ends the head", "RFC 9112 2.2", b"Host: example.test\n\r\n" + SMUGGLED),
    raw(
        "CR LF CR X ends the head", "CVE-2025-23167 (Node)", b"Host: example.test\r\n\rX" + SMUGGLED
    ),
    raw("CR CR ends the head", "RFC 9112 2.2", b"Host: example.test\r\r" + SMUGGLED),
    Case(
        name="end inside the head",
        source="RFC 9112 8",
        sent=b"GET / HTTP/1.1\r\nHost: example.test\r\nX-A",
        answers=(400,),
        half_close=True,
        may_be_silent=True,
    ),
    Case(
        name="end before the empty line",
        source="RFC 9112 8",
        sent=b"GET / HTTP/1.1\r\nHost: example.test\r\n",
        answers=(400,),
        half_close=True,
        may_be_silent=True,
    ),
)
