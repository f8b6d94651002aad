"""The ASGI twin of ``flow_wsgi``: a body in pieces."""

from __future__ import annotations

from urllib.parse import parse_qs

from tests.http2.flow_wsgi import pieces_of
from tests.http2.streams_asgi import Message, Receive, Send


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    """As many bytes as ``size`` says, in pieces of ``piece`` bytes."""
    assert scope["type"] == "http"
    query = parse_qs(scope["query_string"].decode())
    size, piece = int(query["size"][0]), int(query["piece"][0])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for one in pieces_of(size, piece):
        await send({"type": "http.response.body", "body": one, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
