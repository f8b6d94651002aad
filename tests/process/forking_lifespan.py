"""An ASGI application whose start-up forks; the child comes back to the server, or ends by itself.

A request is answered with the exit code of the child, and after some turns between the event loop
and threads.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

TURNS = 4


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Hand the lifespan to ``lifespan``, and answer."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    _, status = await asyncio.to_thread(os.waitpid, children.pop(), 0)
    for _ in range(TURNS):
        await asyncio.to_thread(int)
    code = os.waitstatus_to_exitcode(status)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(code).encode()})


async def lifespan(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Fork in the way that FORK names."""
    await receive()
    if child := os.fork():
        children.append(child)
    elif os.environ["FORK"] == "exit":
        os._exit(7)
    elif os.environ["FORK"] == "loop":
        asyncio.run(asyncio.sleep(0.01))
        os._exit(8)
    elif os.environ["FORK"] == "raise":
        raise SystemExit(9)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


children: list[int] = []
