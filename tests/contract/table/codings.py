"""Rows about Transfer-Encoding (RFC 9112 sections 6.1 and 6.3).

``chunked`` alone is served. A list that ends otherwise is a 400 (6.3: the length cannot be
known); one that ends in ``chunked`` after a coding we do not have is a 501 (6.1).
"""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, get, head, post

FINAL = "RFC 9112 6.3"
CODING = "RFC 9112 6.1"
BODY = b"5\r\nhello\r\n0\r\n\r\n"


def good(name: str, source: str, line: bytes) -> Case:
    """A Transfer-Encoding line that is served."""
    return Case(
        name=name,
        source=source,
        sent=post(line, body=BODY, target=b"/") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", body=b"hello"), Seen(path="/next")),
    )


def bad(name: str, source: str, *lines: bytes, due: Due = 400) -> Case:
    """Fields that are refused."""
    sent = post(*lines, body=BODY) + SMUGGLED
    return Case(name=name, source=source, sent=sent, answers=(due,))


CASES = (
    good("chunked", CODING, b"Transfer-Encoding: chunked"),
    good("chunked in capitals", "RFC 9112 7", b"Transfer-Encoding: CHUNKED"),
    good("chunked in mixed case", "RFC 9112 7", b"TRANSFER-encoding: ChunKed"),
    good("chunked without a space", CODING, b"Transfer-Encoding:chunked"),
    good("chunked after a tab", "RFC 9110 5.5", b"Transfer-Encoding:\tchunked \t"),
    bad("gzip alone", FINAL, b"Transfer-Encoding: gzip"),
    bad("identity", FINAL, b"Transfer-Encoding: identity"),
    bad("unknown coding before chunked", CODING, b"Transfer-Encoding: gzip, chunked", due=501),
    bad(
        "unknown coding and chunked on two lines",
        CODING,
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding: chunked",
        due=501,
    ),
    bad("chunked before another coding", FINAL, b"Transfer-Encoding: chunked, gzip"),
    bad("chunked before identity", FINAL, b"Transfer-Encoding: chunked, identity"),
    bad("chunked twice", CODING, b"Transfer-Encoding: chunked, chunked"),
    bad(
        "chunked on two lines", CODING, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"
    ),
    bad("empty coding", CODING, b"Transfer-Encoding:"),
    bad("empty coding and chunked", CODING, b"Transfer-Encoding:", b"Transfer-Encoding: chunked"),
    bad("chunked with a parameter", "RFC 9112 7", b"Transfer-Encoding: chunked;a=b"),
    bad("quoted chunked", FINAL, b'Transfer-Encoding: "chunked"'),
    bad("letter before chunked", FINAL, b"Transfer-Encoding: xchunked"),
    bad("letter after chunked", FINAL, b"Transfer-Encoding: chunkedx"),
    bad("space inside chunked", FINAL, b"Transfer-Encoding: chun ked"),
    bad("two words", FINAL, b"Transfer-Encoding: chunked chunked"),
    bad("dot after chunked", FINAL, b"Transfer-Encoding: chunked."),
    bad("empty element between unknown codings", FINAL, b"Transfer-Encoding: x,,y"),
    bad("Kelvin sign in chunked", "RFC 9112 7", "Transfer-Encoding: chun\u212aed".encode()),
    bad(
        "vertical tab before chunked",
        "CVE-2019-16789 (waitress)",
        b"Transfer-Encoding: \x0bchunked",
    ),
    bad("NUL after chunked", "RFC 9110 5.5", b"Transfer-Encoding: chunked\0"),
    bad("space before the colon", "RFC 9112 5.1", b"Transfer-Encoding : chunked"),
    bad("folded coding", "RFC 9112 5.2; CVE-2022-32215 (Node)", b"Transfer-Encoding:", b" chunked"),
    bad("chunked and a length", FINAL, b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    bad("a length and chunked", FINAL, b"Content-Length: 15", b"Transfer-Encoding: chunked"),
    bad("chunked and length zero", FINAL, b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    bad("chunked and a bad length", FINAL, b"Transfer-Encoding: chunked", b"Content-Length: x"),
    Case(
        name="chunked on HTTP/1.0",
        source="RFC 9112 6.1",
        sent=head(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked") + BODY,
        answers=(400,),
    ),
    Case(
        name="chunked and keep-alive on HTTP/1.0",
        source="RFC 9112 6.1",
        sent=head(b"POST / HTTP/1.0", b"Connection: keep-alive", b"Transfer-Encoding: chunked")
        + BODY
        + SMUGGLED,
        answers=(400,),
    ),
    Case(
        name="chunked GET",
        source="RFC 9110 9.3.1",
        sent=get(b"Transfer-Encoding: chunked") + BODY + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(body=b"hello"), Seen(path="/next")),
    ),
    Case(
        name="TE is not Transfer-Encoding",
        source="RFC 9110 10.1.4",
        sent=get(b"TE: chunked, trailers", b"Connection: TE") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(), Seen(path="/next")),
    ),
)
