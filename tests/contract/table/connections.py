"""Rows about the life of a connection: keep-alive, close, pipelining, HTTP/1.0, HEAD."""

from __future__ import annotations

from tests.contract.case import CLOSED, KEPT, SMUGGLED, After, Case, Seen, chunked, get, head, post

CLOSE = "RFC 9112 9.6"
PERSIST = "RFC 9112 9.3"
PIPELINE = "RFC 9112 9.3.2"
OLD = head(b"GET / HTTP/1.0", b"Connection: keep-alive")


def closing(name: str, *lines: bytes, source: str = CLOSE) -> Case:
    """Connection lines after which nothing further is served."""
    return Case(
        name=name, source=source, sent=get(*lines) + SMUGGLED, answers=(200,), seen=(Seen(),)
    )


def keeping(name: str, *lines: bytes, source: str = PERSIST) -> Case:
    """Connection lines that leave the connection open."""
    return Case(
        name=name, source=source, sent=get(*lines), answers=(200,), after=KEPT, seen=(Seen(),)
    )


def old(name: str, *lines: bytes, after: After = CLOSED) -> Case:
    """A GET over HTTP/1.0."""
    return Case(
        name=name,
        source="RFC 9112 9.3, C.2.2",
        sent=head(b"GET / HTTP/1.0", *lines) + (SMUGGLED if after is CLOSED else b""),
        answers=(200,),
        after=after,
        seen=(Seen(),),
        announced=False,
    )


def bodiless(name: str, source: str, target: bytes, status: int, method: bytes = b"GET") -> Case:
    """A response that must have no body, whatever the application sends; the next one follows."""
    sent = head(method + b" " + target + b" HTTP/1.1", b"Host: example.test")
    return Case(
        name=name,
        source=source,
        sent=sent + get(target=b"/next"),
        answers=(status, 200),
        after=KEPT,
        methods=(method.decode(), "GET"),
        seen=(Seen(path="/next"),),
    )


CASES = (
    keeping("kept by default"),
    keeping("keep-alive", b"Connection: keep-alive"),
    keeping("empty option", b"Connection:"),
    keeping("unknown option", b"Connection: closed, x-close"),
    keeping("old Keep-Alive field", b"Keep-Alive: timeout=5", b"Connection: Keep-Alive"),
    closing("close", b"Connection: close"),
    closing("close in capitals", b"CONNECTION: CLOSE"),
    closing("close first in a list", b"Connection: close, x"),
    closing("close last in a list", b"Connection: x, close"),
    closing("close between commas", b"Connection: ,, close ,"),
    closing("close without spaces", b"Connection: x,close,y"),
    closing("close on the second line", b"Connection: x", b"Connection: close"),
    closing("close on the first line", b"Connection: close", b"Connection: x"),
    closing("close and keep-alive", b"Connection: close, keep-alive", source=PERSIST),
    closing(
        "keep-alive and close", b"Connection: keep-alive", b"Connection: close", source=PERSIST
    ),
    old("HTTP/1.0"),
    old("HTTP/1.0 with Host", b"Host: example.test"),
    old("HTTP/1.0 with close", b"Connection: close"),
    old("HTTP/1.0 with close and keep-alive", b"Connection: close, keep-alive"),
    old("HTTP/1.0 with keep-alive", b"Connection: keep-alive", after=KEPT),
    old("HTTP/1.0 with keep-alive in a list", b"Connection: x, Keep-Alive", after=KEPT),
    Case(
        name="two HTTP/1.0 requests",
        source="RFC 9112 C.2.2",
        sent=OLD + OLD,
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(), Seen()),
    ),
    Case(
        name="HTTP/1.0 without a length ends with the connection",
        source="RFC 9112 6.3",
        sent=head(b"GET /unframed HTTP/1.0"),
        answers=(200,),
        seen=(Seen(path="/unframed"),),
        announced=False,
    ),
    Case(
        name="HTTP/1.0 with keep-alive and without a length",
        source="RFC 9112 6.3",
        sent=head(b"GET /unframed HTTP/1.0", b"Connection: keep-alive") + SMUGGLED,
        answers=(200,),
        seen=(Seen(path="/unframed"),),
        announced=False,
    ),
    Case(
        name="HTTP/1.0 POST without a length",
        source="RFC 9112 6.3",
        sent=head(b"POST / HTTP/1.0"),
        answers=(200,),
        seen=(Seen(method="POST"),),
        announced=False,
    ),
    Case(
        name="two requests at once",
        source=PIPELINE,
        sent=get(target=b"/a") + get(target=b"/b"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(path="/a"), Seen(path="/b")),
    ),
    Case(
        name="twenty requests at once",
        source=PIPELINE,
        sent=b"".join(get(target=b"/%d" % n) for n in range(20)),
        answers=(200,) * 20,
        after=KEPT,
        seen=tuple(Seen(path=f"/{n}") for n in range(20)),
    ),
    Case(
        name="bodies and requests at once",
        source=PIPELINE,
        sent=post(b"Content-Length: 3", body=b"one", target=b"/a")
        + chunked(b"3\r\ntwo\r\n0\r\n\r\n", target=b"/b")
        + get(target=b"/c")
        + post(b"Content-Length: 0", target=b"/d"),
        answers=(200,) * 4,
        after=KEPT,
        seen=(
            Seen(method="POST", path="/a", body=b"one"),
            Seen(method="POST", path="/b", body=b"two"),
            Seen(path="/c"),
            Seen(method="POST", path="/d"),
        ),
    ),
    Case(
        name="an empty line between requests",
        source="RFC 9112 2.2",
        sent=post(b"Content-Length: 3", body=b"one", target=b"/a") + b"\r\n" + get(target=b"/b"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", path="/a", body=b"one"), Seen(path="/b")),
    ),
    Case(
        name="an error behind a good request",
        source="RFC 9112 9.3.2; CVE-2024-49768 (waitress)",
        sent=get(target=b"/a") + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + SMUGGLED,
        answers=(200, 400),
        seen=(Seen(path="/a"),),
    ),
    Case(
        name="close in the second request",
        source=CLOSE,
        sent=get(target=b"/a") + get(b"Connection: close", target=b"/b") + SMUGGLED,
        answers=(200, 200),
        seen=(Seen(path="/a"), Seen(path="/b")),
    ),
    Case(
        name="close behind a body",
        source=CLOSE,
        sent=post(b"Connection: close", b"Content-Length: 3", body=b"one", target=b"/") + SMUGGLED,
        answers=(200,),
        seen=(Seen(method="POST", body=b"one"),),
    ),
    Case(
        name="HTTP/1.0 behind HTTP/1.1",
        source=PERSIST,
        sent=get(target=b"/a") + head(b"GET /b HTTP/1.0") + SMUGGLED,
        answers=(200, 200),
        seen=(Seen(path="/a"), Seen(path="/b")),
        announced=False,
    ),
    Case(
        name="unread body before a request",
        source="RFC 9112 9.3",
        sent=post(b"Content-Length: 5", body=b"hello", target=b"/first") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", path="/first"), Seen(path="/next")),
    ),
    Case(
        name="unread chunked body before a request",
        source="RFC 9112 9.3",
        sent=chunked(b"5\r\nhello\r\n0\r\n\r\n", target=b"/first") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(method="POST", path="/first"), Seen(path="/next")),
        # It has the body before it is called. ASGI does not wait for it, and if it is not here by
        # then, nobody knows how much is to come: tests/process/test_early_answers.py.
        only="wsgi",
    ),
    Case(
        name="half-close after a request",
        source=CLOSE,
        sent=get(target=b"/a"),
        answers=(200,),
        half_close=True,
        announced=False,
        seen=(Seen(path="/a"),),
    ),
    Case(
        name="half-close after a body",
        source=CLOSE,
        sent=post(b"Content-Length: 5", body=b"hello", target=b"/"),
        answers=(200,),
        half_close=True,
        announced=False,
        seen=(Seen(method="POST", body=b"hello"),),
    ),
    Case(
        name="half-close after three requests",
        source=CLOSE,
        sent=get(target=b"/a") + get(target=b"/b") + get(target=b"/c"),
        answers=(200, 200, 200),
        half_close=True,
        announced=False,
        seen=(Seen(path="/a"), Seen(path="/b"), Seen(path="/c")),
    ),
    Case(
        name="response without a length",
        source="RFC 9112 6.3",
        sent=get(target=b"/unframed") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(path="/unframed"), Seen(path="/next")),
    ),
    bodiless("HEAD", "RFC 9110 9.3.2", b"/", 200, b"HEAD"),
    bodiless("HEAD without a length", "RFC 9110 9.3.2", b"/unframed", 200, b"HEAD"),
    bodiless("HEAD of a 204", "RFC 9110 15.3.5", b"/204", 204, b"HEAD"),
    bodiless("status 204", "RFC 9110 15.3.5", b"/204", 204),
    bodiless("status 304", "RFC 9110 15.4.5", b"/304", 304),
    Case(
        name="HEAD over HTTP/1.0",
        source="RFC 9110 9.3.2",
        sent=head(b"HEAD / HTTP/1.0"),
        answers=(200,),
        methods=("HEAD",),
        announced=False,
    ),
    Case(
        name="HEAD with an error",
        source="RFC 9110 9.3.2",
        sent=head(b"HEAD / HTTP/1.1") + SMUGGLED,
        answers=(400,),
        methods=("HEAD",),
    ),
    Case(
        name="upgrade to an unknown protocol is ignored",
        source="RFC 9110 7.8",
        sent=get(b"Connection: upgrade", b"Upgrade: other/1") + get(target=b"/next"),
        answers=(200, 200),
        after=KEPT,
        seen=(Seen(), Seen(path="/next")),
    ),
)
