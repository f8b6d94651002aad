"""An ASGI application whose answers are at the edge of what is allowed, or beyond it, by path."""

from __future__ import annotations

from typing import Any

from tests.contract.echo_asgi import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]
LENGTH_5: Headers = [(b"content-length", b"5")]
ANSWERS: dict[str, tuple[int, Headers, list[bytes]]] = {
    "/exact": (200, LENGTH_5, [b"he", b"llo"]),
    "/short": (200, LENGTH_5, [b"hel"]),
    "/long": (200, LENGTH_5, [b"hello, world"]),
    "/long-later": (200, LENGTH_5, [b"hello", b", world"]),
    "/empty": (200, [], [b""]),
    "/pieces": (200, [], [b"one", b"", b"two"]),
    "/no-content": (204, [], [b"ignored"]),
    "/not-modified": (304, LENGTH_5, [b"ignored"]),
    "/line-end": (200, [(b"x-a", b"1\r\nx-b: 2")], [b"never"]),
    "/bare-line-feed": (200, [(b"x-a", b"1\nx-b: 2")], [b"never"]),
    "/nul": (200, [(b"x-a", b"1\0")], [b"never"]),
    "/bad-name": (200, [(b"x a", b"1")], [b"never"]),
    "/bad-length": (200, [(b"content-length", b"5x")], [b"never"]),
    "/two-lengths": (200, [*LENGTH_5, (b"content-length", b"6")], [b"never"]),
    "/closes": (200, [*LENGTH_5, (b"connection", b"close")], [b"hello"]),
    "/dated": (200, [*LENGTH_5, (b"date", b"then"), (b"server", b"mine")], [b"hello"]),
    "/cookies": (200, [*LENGTH_5, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], [b"hello"]),
    "/chunked-by-hand": (200, [(b"transfer-encoding", b"chunked")], [b"hello"]),
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by path; ``/raises`` and ``/raises-late`` fail, ``/silent`` says nothing."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    path: str = scope["path"]
    if path == "/raises":
        raise RuntimeError("on purpose")
    if path == "/silent":
        return
    status, headers, pieces = ANSWERS.get(path, ANSWERS["/exact"])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/raises-late":
        raise RuntimeError("on purpose, late")
    await send_all(send, pieces)


async def send_all(send: Any, pieces: list[bytes]) -> None:
    """Send the body in these pieces."""
    for at, piece in enumerate(pieces):
        more = at < len(pieces) - 1
        await send({"type": "http.response.body", "body": piece, "more_body": more})
