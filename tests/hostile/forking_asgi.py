"""An ASGI application that forks by path: at once, in a later step, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from tests.hostile.forks import WAYS, waited

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def app(scope: Scope, receive: Any, send: Send) -> None:
    """``/fork/WHERE/WAY`` answers with the child's id, ``/wait/PID`` with its exit code."""
    if scope["type"] != "http":
        raise NotImplementedError
    _, action, *rest = scope["path"].split("/")
    if action == "fork":
        body = str(await fork(*rest)).encode()
    elif action == "wait":
        body = waited(int(rest[0]))
    else:
        body = b"served"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def fork(where: str, way: str) -> int:
    """Fork, and go on like the child's parent if the child comes back."""
    if where == "thread":
        return await asyncio.to_thread(WAYS[way])
    if where == "worker-thread":  # how Starlette calls what is not async
        return await anyio.to_thread.run_sync(WAYS[way])
    if where == "later":
        await asyncio.sleep(0.01)
    return WAYS[way]()
