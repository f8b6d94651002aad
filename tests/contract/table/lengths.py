"""Rows about Content-Length (RFC 9112 section 6.2 and 6.3, RFC 9110 section 8.6)."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, get, head, post

SOURCE = "RFC 9112 6.3"


def good(name: str, source: str, *values: bytes, body: bytes = b"hello") -> Case:
    """Content-Length lines that frame ``body``; a pipelined request must follow it."""
    lines = (b"Content-Length: " + value for value in values)
    return Case(
        name=name,
        source=source,
        sent=post(*lines, body=body, target=b"/") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", body=body), Seen(path="/next")),
    )


def bad(name: str, source: str, *values: bytes, due: Due = 400) -> Case:
    """Content-Length lines that are refused."""
    lines = (b"Content-Length: " + value for value in values)
    return Case(
        name=name, source=source, sent=post(*lines, body=b"hello") + SMUGGLED, answers=(due,)
    )


CASES = (
    good("a length", SOURCE, b"5"),
    good("length zero", SOURCE, b"0", body=b""),
    good("leading zeros", "RFC 9110 8.6", b"005"),
    good("spaces around the length", "RFC 9110 5.5", b" \t5\t "),
    good("the same length twice", "RFC 9110 8.6", b"5", b"5"),
    good("the same length in a list", "RFC 9110 8.6", b"5, 5"),
    good("body with every byte", SOURCE, b"256", body=bytes(range(256))),
    Case(
        name="POST without a length has no body",
        source="RFC 9112 6.3",
        sent=post(target=b"/") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST"), Seen(path="/next")),
    ),
    Case(
        name="GET with a body",
        source="RFC 9110 9.3.1",
        sent=get(b"Content-Length: 5") + b"hello" + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(body=b"hello"), Seen(path="/next")),
    ),
    Case(
        name="a length on HTTP/1.0",
        source="RFC 9112 6.3",
        sent=head(b"POST / HTTP/1.0", b"Content-Length: 5") + b"hello",
        answers=(200,),
        seen=(Seen(method="POST", body=b"hello"),),
        announced=False,
    ),
    bad("two lengths", SOURCE, b"5", b"6"),
    bad("two lengths, the first zero", "RFC 9112 6.3; CVE-2019-16792 (waitress)", b"0", b"5"),
    bad("two lengths in a list", SOURCE, b"5, 6"),
    bad("length with a final comma", SOURCE, b"5,"),
    bad("empty length", "RFC 9112 6.3; CVE-2023-40175 (Puma)", b""),
    bad("an empty length and a length", "RFC 9112 6.3; CVE-2023-40175 (Puma)", b"", b"5"),
    bad("plus sign", "RFC 9110 8.6; CVE-2021-32715 (hyper)", b"+5"),
    bad("minus sign", "RFC 9110 8.6; CVE-2023-47627 (aiohttp)", b"-5"),
    bad("minus zero", "RFC 9110 8.6", b"-0"),
    bad("underscore", "RFC 9110 8.6; CVE-2022-24761 (waitress)", b"5_0"),
    bad("hexadecimal", "RFC 9110 8.6; CVE-2022-24761 (waitress)", b"0x5"),
    bad("hexadecimal digit", "RFC 9110 8.6", b"a"),
    bad("fraction", "RFC 9110 8.6", b"5.0"),
    bad("exponent", "RFC 9110 8.6", b"5e0"),
    bad("space inside", "RFC 9110 8.6", b"5 5"),
    bad("quoted", "RFC 9110 8.6", b'"5"'),
    bad("semicolon", "RFC 9110 8.6", b"5;"),
    bad("words", "RFC 9110 8.6", b"five"),
    bad("digits that are not ASCII", "RFC 9110 8.6", "\u0665".encode()),
    bad("superscript digit", "RFC 9110 8.6; CVE-2023-47627 (aiohttp)", b"\xb2"),
    bad("vertical tab before", "RFC 9110 8.6; CVE-2019-16789 (waitress)", b"\x0b5"),
    bad("twenty digits", "RFC 9110 8.6", b"99999999999999999999"),
    bad(
        "twenty digits of little value", "RFC 9110 8.6 (19 digits at most)", b"00000000000000000005"
    ),
    bad("past 64 bits", "RFC 9110 8.6", b"18446744073709551621"),
    bad("nineteen digits", "RFC 9110 8.6", b"9999999999999999999", due=(400, 413)),
    Case(
        name="body cut by the end",
        source="RFC 9112 8",
        sent=post(b"Content-Length: 10", body=b"hello"),
        answers=(400,),
        half_close=True,
        may_be_silent=True,
        broken=True,
    ),
    Case(
        name="body cut before its first byte",
        source="RFC 9112 8",
        sent=post(b"Content-Length: 10"),
        answers=(400,),
        half_close=True,
        may_be_silent=True,
        broken=True,
    ),
)
