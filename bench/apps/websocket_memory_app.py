"""An echo over WebSocket, and tasks that only wait, to see what an application holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

waiting: list[asyncio.Future[None]] = []


async def wait(scope: Scope) -> None:
    """What an endpoint does whose client says nothing."""
    await asyncio.get_running_loop().create_future()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo; over HTTP begin as many tasks as the query says."""
    if scope["type"] == "http":
        for _ in range(int(scope["query_string"] or 0)):
            copy = {**scope, "headers": [(bytes(name), value) for name, value in scope["headers"]]}
            waiting.append(asyncio.ensure_future(wait(copy)))
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
