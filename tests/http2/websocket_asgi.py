"""An ASGI application with a WebSocket that echoes, and says in its scope how it came."""

from __future__ import annotations

from tests.http2.streams_asgi import Message, Receive, Send


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Echo until the client closes; refuse the path ``/no``."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    if scope["path"] == "/no":
        await send({"type": "websocket.close"})
        return
    protocol = next(iter(scope["subprotocols"]), None)
    await send({"type": "websocket.accept", "subprotocol": protocol})
    await send({"type": "websocket.send", "text": f"{scope['http_version']} {scope['scheme']}"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
