"""An ASGI application that answers with what it is told of its client, as JSON."""

from __future__ import annotations

import json
from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Show the scope, that of a WebSocket by refusing it.

    Raise on /fail, and on /safe without TLS; answer /own with an id of its own.
    """
    if scope["type"] == "lifespan":
        return
    if scope["path"].endswith("/fail") or (scope["path"], scope["scheme"]) == ("/safe", "http"):
        raise ValueError("it fails")
    fields = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
    seen = {
        "client": scope["client"],
        "scheme": scope["scheme"],
        "server": scope["server"],
        "root": scope["root_path"],
        "path": scope["path"],
        "raw": scope["raw_path"].decode(),
        "host": [value for name, value in fields if name == "host"],
        "ids": [value for name, value in fields if name == "x-request-id"],
        "id": scope["extensions"].get("tricorn.request_id", {}).get("id"),
    }
    headers = [(b"x-request-id", b"mine")] if scope["path"].endswith("/own") else []
    body = json.dumps(seen).encode()
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
