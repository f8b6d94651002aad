"""Rows about sizes: each limit from both sides, and the status that names it.

The server of the table runs with a body limit of BODY_SIZE bytes and every other limit at its
default: head 64 KiB and 100 fields, target 16 KiB.
"""

from __future__ import annotations

from tests.contract.case import KEPT, SMUGGLED, Case, Due, Seen, chunked, get, post

BODY_SIZE = 100_000
TARGET_SIZE = 16 * 1024
FIELDS = 100


def bad(name: str, source: str, sent: bytes, due: Due) -> Case:
    """A size that is refused."""
    return Case(name=name, source=source, sent=sent, answers=(due,))


def fields(count: int) -> list[bytes]:
    """So many short field lines."""
    return [b"X-%d: %d" % (n, n) for n in range(count)]


def served(name: str, source: str, sent: bytes, *seen: Seen) -> Case:
    """A size that is served."""
    return Case(
        name=name, source=source, sent=sent, answers=(200,) * len(seen), after=KEPT, seen=seen
    )


LONG = b"x" * BODY_SIZE

CASES = (
    served(
        "target of 8000 bytes",
        "RFC 9112 3",
        get(target=b"/" + b"a" * 7999),
        Seen(path="/" + "a" * 7999),
    ),
    served(
        "longest target",
        "RFC 9110 15.5.15",
        get(target=b"/" + b"a" * (TARGET_SIZE - 1)),
        Seen(path="/" + "a" * (TARGET_SIZE - 1)),
    ),
    bad("target one byte too long", "RFC 9110 15.5.15", get(target=b"/" + b"a" * TARGET_SIZE), 414),
    bad("query too long", "RFC 9110 15.5.15", get(target=b"/?" + b"a" * TARGET_SIZE), 414),
    bad("endless target", "RFC 9110 15.5.15", b"GET /" + b"a" * 80_000, (414, 431)),
    bad("endless method", "RFC 9112 3", b"A" * 80_000, (400, 414, 431, 501)),
    served("most fields", "RFC 6585 5", get(*fields(FIELDS - 1)), Seen(fields={"x-98": "98"})),
    bad("one field too many", "RFC 6585 5", get(*fields(FIELDS)), 431),
    bad("a thousand fields", "RFC 6585 5", get(*fields(1000)), 431),
    served(
        "a field of 60000 bytes",
        "RFC 6585 5",
        get(b"X-A: " + b"a" * 60_000),
        Seen(fields={"x-a": "a" * 60_000}),
    ),
    bad("a field too long", "RFC 6585 5", get(b"X-A: " + b"a" * 66_000), 431),
    bad("a name too long", "RFC 6585 5", get(b"a" * 66_000 + b": 1"), 431),
    bad("endless field", "RFC 6585 5", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 80_000, 431),
    bad(
        "long fields together",
        "RFC 6585 5",
        get(*(b"X-%d: " % n + b"a" * 8000 for n in range(9))),
        431,
    ),
    served(
        "two long heads at once",
        "RFC 9112 9.3.2",
        get(b"X-A: " + b"a" * 40_000, target=b"/a") + get(b"X-A: " + b"b" * 40_000, target=b"/b"),
        Seen(path="/a", fields={"x-a": "a" * 40_000}),
        Seen(path="/b", fields={"x-a": "b" * 40_000}),
    ),
    served(
        "longest body",
        "RFC 9110 15.5.14",
        post(b"Content-Length: %d" % BODY_SIZE, body=LONG, target=b"/"),
        Seen(method="POST", body=LONG),
    ),
    served(
        "longest chunked body",
        "RFC 9110 15.5.14",
        chunked(b"%x\r\n" % BODY_SIZE + LONG + b"\r\n0\r\n\r\n", target=b"/"),
        Seen(method="POST", body=LONG),
    ),
    bad("length over the limit", "RFC 9110 15.5.14", post(b"Content-Length: 100001"), 413),
    bad(
        "length far over the limit", "RFC 9110 15.5.14", post(b"Content-Length: 999999999999"), 413
    ),
    Case(
        name="length over the limit, body sent",
        source="RFC 9110 15.5.14",
        sent=post(b"Content-Length: 100001", body=LONG + b"x") + SMUGGLED,
        answers=(413,),
        broken=True,
    ),
    Case(
        name="chunk over the limit",
        source="RFC 9110 15.5.14",
        sent=chunked(b"186a1\r\n" + LONG + b"x\r\n0\r\n\r\n") + SMUGGLED,
        answers=(413,),
        broken=True,
    ),
    Case(
        name="chunks over the limit together",
        source="RFC 9110 15.5.14",
        sent=chunked((b"9c40\r\n" + b"x" * 40_000 + b"\r\n") * 3 + b"0\r\n\r\n") + SMUGGLED,
        answers=(413,),
        broken=True,
    ),
    Case(
        name="length over the limit, 100 awaited",
        source="RFC 9110 10.1.1, 15.5.14",
        sent=post(b"Expect: 100-continue", b"Content-Length: 100001"),
        answers=(413,),
    ),
)
