"""The WebSocket applications of the benchmark: an echo, a broadcast, and tasks that only wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

waiting: list[asyncio.Future[None]] = []
audience: dict[int, Send] = {}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends every message back; over HTTP begins as many waiting tasks as the query says."""
    if scope["type"] == "http":
        await begin_tasks(scope, send)
        return
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


async def broadcast(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends every message to all who are there."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    audience[id(send)] = send
    while (message := await receive())["type"] == "websocket.receive":
        for to_one in list(audience.values()):
            await to_one({"type": "websocket.send", "bytes": message["bytes"]})
    del audience[id(send)]


async def begin_tasks(scope: Scope, send: Send) -> None:
    """Tasks that hold what the endpoint of a silent client holds, for comparison."""
    for _ in range(int(scope["query_string"] or 0)):
        copy = {**scope, "headers": [(bytes(name), value) for name, value in scope["headers"]]}
        waiting.append(asyncio.ensure_future(wait(copy)))
    await asyncio.sleep(0)
    length = (b"content-length", b"0")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b""})


async def wait(scope: Scope) -> None:
    """What an endpoint does whose client says nothing."""
    await asyncio.get_running_loop().create_future()
