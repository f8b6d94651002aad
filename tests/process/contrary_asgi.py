"""The ASGI twin of ``contrary_wsgi``: a refusal without a look at the body."""

from __future__ import annotations

from tests.http2.streams_asgi import Message, Receive, Send


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    """413, at once."""
    assert scope["type"] == "http"
    fields = [(b"content-length", b"9")]
    await send({"type": "http.response.start", "status": 413, "headers": fields})
    await send({"type": "http.response.body", "body": b"too large"})
