"""An ASGI application that streams: endless bodies, trailers, hints, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

PIECE = b"x" * 16384
SEEN: dict[str, int] = {"pieces": 0, "disconnects": 0, "errors": 0, "received": 0, "running": 0}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer by path."""
    if scope["type"] != "http":
        return
    serve = PATHS[scope["path"]]
    SEEN["running"] += 1
    try:
        await serve(scope, receive, send)
    finally:
        SEEN["running"] -= 1


async def _start(send: Send, **more: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [], **more})


async def seen(_scope: Message, _receive: Receive, send: Send) -> None:
    """What has happened so far."""
    await _start(send)
    await send({"type": "http.response.body", "body": json.dumps(SEEN).encode()})


async def endless(_scope: Message, _receive: Receive, send: Send) -> None:
    """A body without an end; the client has to stop it."""
    await _start(send)
    try:
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            SEEN["pieces"] += 1
    except OSError:
        SEEN["errors"] += 1


async def wait(_scope: Message, receive: Receive, _send: Send) -> None:
    """No answer, only the wait for the client to go."""
    while (await receive())["type"] != "http.disconnect":
        pass
    SEEN["disconnects"] += 1


async def slow(_scope: Message, _receive: Receive, send: Send) -> None:
    """An answer after a while."""
    await asyncio.sleep(0.5)
    await _start(send)
    await send({"type": "http.response.body", "body": b"done"})


async def idle(_scope: Message, _receive: Receive, _send: Send) -> None:
    """Neither reads nor answers for longer than a test takes."""
    await asyncio.sleep(20)


async def large(scope: Message, _receive: Receive, send: Send) -> None:
    """As many bytes as the query says, in one piece."""
    await _start(send)
    await send({"type": "http.response.body", "body": b"y" * int(scope["query_string"])})


async def count(_scope: Message, receive: Receive, send: Send) -> None:
    """How long the body was, and its trailers."""
    size = 0
    trailers: list[tuple[bytes, bytes]] = []
    while True:
        message = await receive()
        size += len(message["body"])
        SEEN["received"] += len(message["body"])
        trailers += message.get("tricorn.trailers", [])
        if not message["more_body"]:
            break
    answer = {
        "size": size,
        "trailers": [[name.decode(), value.decode()] for name, value in trailers],
    }
    await _start(send)
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def unread(_scope: Message, receive: Receive, send: Send) -> None:
    """Reads one piece of the body, and then nothing for a while."""
    SEEN["received"] += len((await receive())["body"])
    await asyncio.sleep(0.5)
    await _start(send)
    await send({"type": "http.response.body", "body": b""})


async def trailers(_scope: Message, _receive: Receive, send: Send) -> None:
    """A hint, a body, and trailers."""
    await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
    await _start(send, trailers=True)
    await send({"type": "http.response.body", "body": b"body"})
    fields = [(b"x-sum", b"4"), (b"X-Case", b"kept low")]
    await send({"type": "http.response.trailers", "headers": fields})


async def scope_of(scope: Message, _receive: Receive, send: Send) -> None:
    """The scope as it came."""
    await _start(send)
    shown = {key: str(scope[key]) for key in ("http_version", "method", "scheme", "headers")}
    await send({"type": "http.response.body", "body": json.dumps(shown).encode()})


async def broken(_scope: Message, _receive: Receive, send: Send) -> None:
    """Fails in the middle of its body."""
    await _start(send)
    await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await asyncio.sleep(0)  # else nothing would be out yet
    raise ValueError("as the test wants it")


async def fields(_scope: Message, _receive: Receive, send: Send) -> None:
    """Fields that streams do not have, and one that they have."""
    names = (b"x-a", b"te", b"upgrade", b"proxy-connection")
    await _start(send, headers=[(name, b"trailers") for name in names])
    await send({"type": "http.response.body", "body": b"with fields"})


PATHS: dict[str, Callable[[Message, Receive, Send], Awaitable[None]]] = {
    "/seen": seen,
    "/endless": endless,
    "/wait": wait,
    "/slow": slow,
    "/idle": idle,
    "/large": large,
    "/count": count,
    "/unread": unread,
    "/trailers": trailers,
    "/scope": scope_of,
    "/fields": fields,
    "/broken": broken,
}
