"""Rows about Expect (RFC 9110 section 10.1.1); the dialogue itself is in test_expect.py."""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Seen, get, head, post

SOURCE = "RFC 9110 10.1.1"


def refused(name: str, value: bytes) -> Case:
    """An expectation we do not know."""
    return Case(
        name=name,
        source=SOURCE,
        sent=post(b"Expect: " + value, b"Content-Length: 5", body=b"hello") + SMUGGLED,
        answers=(417,),
    )


def continued(name: str, value: bytes) -> Case:
    """100-continue with the body sent at once: whether a 100 comes depends on who is faster."""
    return Case(
        name=name,
        source=SOURCE,
        sent=post(b"Expect: " + value, b"Content-Length: 5", body=b"hello", target=b"/"),
        answers=(200,),
        after=KEPT,
        seen=(Seen(method="POST", body=b"hello"),),
        may_continue=True,
    )


CASES = (
    continued("body sent without waiting", b"100-continue"),
    continued("expectation in capitals", b"100-CONTINUE"),
    continued("expectation with spaces around", b" 100-continue "),
    refused("unknown expectation", b"202-accepted"),
    refused("known and unknown expectation", b"100-continue, other"),
    refused("expectation with a value", b"100-continue=1"),
    Case(
        name="chunked body sent without waiting",
        source=SOURCE,
        sent=post(
            b"Expect: 100-continue",
            b"Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\n\r\n",
            target=b"/",
        ),
        answers=(200,),
        after=KEPT,
        seen=(Seen(method="POST", body=b"hello"),),
        may_continue=True,
    ),
    Case(
        name="HTTP/1.0 gets no 100",
        source=SOURCE,
        sent=head(b"POST / HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 5") + b"hello",
        answers=(200,),
        seen=(Seen(method="POST", body=b"hello"),),
        announced=False,
    ),
    Case(
        name="nothing to continue with",
        source=SOURCE,
        sent=get(b"Expect: 100-continue", target=b"/first") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(path="/first"), Seen(path="/next")),
    ),
)
