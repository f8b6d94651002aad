"""Rows after published request-smuggling holes, one or more for each CVE.

What they share: two readers of the same bytes would disagree where a request ends. Each must
end in one refusal and a closed connection, with the hidden request unserved.
"""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, chunked, get, head, post

HOST = b"Host: example.test"
TE = b"Transfer-Encoding: chunked"


def hides(name: str, source: str, sent: bytes, due: Due = 400) -> Case:
    """A request that is refused, with another one hidden behind it."""
    return Case(name=name, source=source, sent=sent + SMUGGLED, answers=(due,))


def hides_in_body(name: str, source: str, sent: bytes, due: Due = 400) -> Case:
    """The same, where the fault is in the body, so that the application may have been called."""
    return Case(name=name, source=source, sent=sent + SMUGGLED, answers=(due,), broken=True)


CASES = (
    hides(
        "length behind a malformed coding",
        "CVE-2024-6827 (Gunicorn)",
        post(b"Transfer-Encoding: chunked-1", b"Content-Length: 5", body=b"hello"),
    ),
    hides(
        "final coding is not chunked",
        "CVE-2024-1135 (Gunicorn)",
        post(TE, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    ),
    hides(
        "codings in conflict with a length",
        "CVE-2024-1135 (Gunicorn)",
        post(b"Transfer-Encoding: chunked,identity", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "space in the name of the length",
        "CVE-2018-1000164, CVE-2024-1135 (Gunicorn)",
        post(b"Content Length: 5", body=b"hello"),
    ),
    hides(
        "bare LF hides a coding",
        "CVE-2019-16785 (waitress)",
        post(b"Content-Length: 5\nTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    hides(
        "coding list read as a length",
        "CVE-2019-16786 (waitress)",
        post(b"Transfer-Encoding: gzip, chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
        (400, 501),
    ),
    hides(
        "vertical tab in the coding, with a length",
        "CVE-2019-16789 (waitress)",
        post(b"Transfer-Encoding: \x0bchunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "next line character in the coding",
        "CVE-2019-16789 (waitress)",
        post(b"Transfer-Encoding: chunked\x85", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "length named twice with a request inside",
        "CVE-2019-16792 (waitress)",
        post(b"Content-Length: 0", b"Content-Length: 41", body=b""),
    ),
    hides_in_body(
        "size read by a lenient integer",
        "CVE-2022-24761 (waitress)",
        chunked(b"0x_5\r\nhello\r\n0\r\n\r\n"),
    ),
    hides(
        "refused request with a second behind it",
        "CVE-2024-49768 (waitress)",
        b"GET / HTTP/1.1\r\nHost: example.test\r\nX" + b": 1\r\nContent-Length: x\r\n\r\n",
    ),
    hides(
        "field name after a bare CR",
        "CVE-2023-37276 (aiohttp)",
        post(b"X-Abc: \rxTransfer-Encoding: chunked", body=b"1\r\nA\r\n0\r\n\r\n"),
    ),
    hides(
        "coding preferred over a length",
        "CVE-2023-47641 (aiohttp)",
        post(b"Content-Length: 4", TE, body=b"0\r\n\r\n"),
    ),
    hides(
        "length with a sign",
        "CVE-2023-47627 (aiohttp)",
        post(b"Content-Length: -0", b"Content-Length: 5", body=b"hello"),
    ),
    hides(
        "separator that is not a space",
        "CVE-2024-23829 (aiohttp)",
        head(b"GET\x0b/ HTTP/1.1", HOST),
    ),
    hides(
        "version with a line end",
        "CVE-2023-49081 (aiohttp)",
        head(b"GET / HTTP/1.1\rX: 1", HOST),
    ),
    hides_in_body(
        "line end inside an extension",
        "CVE-2024-52304 (aiohttp)",
        chunked(b"2;\nxx\r\n4c\r\n0\r\n\r\n"),
    ),
    hides_in_body(
        "request read as trailers",
        "CVE-2025-53643 (aiohttp)",
        chunked(b"0\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"),
    ),
    hides(
        "second Host behind the first",
        "CVE-2026-34525 (aiohttp)",
        head(b"GET / HTTP/1.1", HOST, b"X-A: 1", b"Host: other.test"),
    ),
    hides(
        "coding that only looks like chunked",
        "CVE-2020-11076 (Puma)",
        post(b"Transfer-Encoding: xchunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "two codings in conflict",
        "CVE-2020-11077, CVE-2022-24790 (Puma)",
        post(b"Transfer-Encoding: cow", TE, body=b"0\r\n\r\n"),
        501,
    ),
    hides(
        "LF ends a field before a coding",
        "CVE-2021-41136 (Puma)",
        post(b"X-A: b\nTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    hides(
        "length that is not all digits",
        "CVE-2022-24790 (Puma)",
        post(b"Content-Length: 5abc", body=b"hello"),
    ),
    hides_in_body(
        "chunk without its line end",
        "CVE-2022-24790 (Puma)",
        chunked(b"5\r\nhello0\r\n\r\n"),
    ),
    hides(
        "blank length",
        "CVE-2023-40175 (Puma)",
        post(b"Content-Length: ", body=b""),
    ),
    hides_in_body(
        "trailer section skipped by two bytes",
        "CVE-2023-40175 (Puma)",
        chunked(b"0\r\nX"),
    ),
    Case(
        name="underscore twin of a proxy field",
        source="CVE-2024-45614 (Puma)",
        sent=get(b"X-Forwarded-For: 1.1.1.1", b"X_Forwarded_For: 2.2.2.2"),
        answers=(200,),
        after=KEPT,
        seen=(Seen(fields={"x-forwarded-for": "1.1.1.1"}),),
        only="wsgi",
    ),
    hides(
        "two codings, the last one chunked",
        "CVE-2021-21299 (hyper)",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow", body=b"0\r\n\r\n"),
    ),
    hides(
        "chunked and a length with a sign",
        "CVE-2021-32715 (hyper)",
        post(b"Content-Length: +3", body=b"abc"),
    ),
    hides_in_body(
        "size that wraps around",
        "CVE-2021-32714 (hyper)",
        chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ),
    hides_in_body(
        "chunk closed by any two bytes",
        "CVE-2025-43859 (h11)",
        chunked(b"2\r\nabXX0\r\n\r\n"),
    ),
    hides_in_body(
        "chunk closed by CR and a digit",
        "CVE-2025-43859 (h11)",
        chunked(b"2\r\nab\r05\r\n\r\n"),
    ),
    hides(
        "malformed coding",
        "CVE-2019-15605 (Node)",
        post(b"Transfer-Encoding: chunked\x0b", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "CR in a name read as a hyphen",
        "CVE-2020-8201 (Node)",
        post(b"Content\rLength: 5", body=b"hello"),
    ),
    hides(
        "two codings, the second ignored",
        "CVE-2020-8287 (Node)",
        post(TE, b"Transfer-Encoding: chunked-false", body=b"0\r\n\r\n"),
    ),
    hides(
        "space before the colon of the length",
        "CVE-2021-22959 (Node)",
        post(b"Content-Length : 5", body=b"hello"),
    ),
    hides_in_body(
        "extension that hides a size",
        "CVE-2021-22960 (Node)",
        chunked(b"1\r5\r\nA\r\n0\r\n\r\n"),
    ),
    hides(
        "coding with text after it",
        "CVE-2022-32213 (Node)",
        post(b"Transfer-Encoding: chunked abc", body=b"0\r\n\r\n"),
    ),
    hides(
        "LF between fields",
        "CVE-2022-32214 (Node)",
        b"POST / HTTP/1.1\r\nHost: example.test\nContent-Length: 5\r\n\r\nhello",
    ),
    hides(
        "coding on two folded lines",
        "CVE-2022-32215 (Node)",
        post(b"Transfer-Encoding: chunked", b" , identity", body=b"0\r\n\r\n"),
    ),
    hides(
        "field without CRLF",
        "CVE-2022-35256 (Node)",
        b"GET / HTTP/1.1\r\nHost: example.test\r\nX-A:\n\r\n",
    ),
    hides(
        "CR alone delimits a field",
        "CVE-2023-30589 (Node)",
        post(b"X-A: x\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    hides(
        "space before the name of the length",
        "CVE-2024-27982 (Node)",
        head(b"GET / HTTP/1.1", HOST, b" Content-Length: 41"),
    ),
    hides(
        "head ended by CR LF CR X",
        "CVE-2025-23167 (Node)",
        b"POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: 5\r\n\rX",
    ),
    hides_in_body(
        "LF ends the size line",
        "CVE-2025-22871 (Go)",
        chunked(b"5\nhello\r\n0\r\n\r\n"),
    ),
    hides_in_body(
        "LF inside the extension of the last chunk",
        "CVE-2025-55315 (Kestrel)",
        chunked(b"0;a\nb\r\n\r\n"),
    ),
    hides(
        "coding with a space before the colon",
        "CVE-2019-16869 (Netty)",
        post(b"Transfer-Encoding : chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    hides(
        "field without a colon",
        "CVE-2019-20444 (Netty)",
        post(b"Content-Length: 5", b"Transfer-Encoding", body=b"hello"),
    ),
)
