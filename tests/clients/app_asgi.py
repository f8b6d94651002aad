"""The ASGI application of these tests: it tells who asks; it counts, streams and refuses bodies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.clients.bodies import Digest, pieces

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STREAMS = {"running": 0}
"""Downloads that have not ended."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer by path."""
    assert scope["type"] == "http"
    await PATHS[scope["path"]](scope, receive, send)


async def who(scope: Message, _receive: Receive, send: Send) -> None:
    """The client's port, by which it knows its connections, and the version that it speaks."""
    said = {"port": scope["client"][1], "http": scope["http_version"], **STREAMS}
    await answer(send, 200, json.dumps(said).encode())


async def digest(_scope: Message, receive: Receive, send: Send) -> None:
    """Size and digest of what was sent, and its trailer fields; the digest is a trailer too."""
    digest = Digest()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        digest.add(message["body"])
        more = message["more_body"]
    trailers = {k.decode(): v.decode() for k, v in message.get("tricorn.trailers", ())}
    said = digest.said()
    body = json.dumps({**said, "trailers": trailers}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": body})
    fields = [(b"x-digest", str(said["sha256"]).encode())]
    await send({"type": "http.response.trailers", "headers": fields})


async def large(scope: Message, _receive: Receive, send: Send) -> None:
    """As many bytes as the query says, of unknown length."""
    await stream(scope, send, [])


async def sized(scope: Message, _receive: Receive, send: Send) -> None:
    """As many bytes as the query says, of known length."""
    await stream(scope, send, [(b"content-length", scope["query_string"])])


async def stream(scope: Message, send: Send, fields: list[tuple[bytes, bytes]]) -> None:
    """A body, piece by piece."""
    STREAMS["running"] += 1
    try:
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for piece in pieces(int(scope["query_string"])):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        STREAMS["running"] -= 1


async def refused(_scope: Message, _receive: Receive, send: Send) -> None:
    """413 without a look at the body."""
    await answer(send, 413, b"too large")


async def answer(send: Send, status: int, body: bytes) -> None:
    """A whole answer."""
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


PATHS = {f"/{function.__name__}": function for function in (who, digest, large, sized, refused)}
