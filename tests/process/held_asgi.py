"""An ASGI application that holds up its process in the way that HELD names."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from tests.process.held import HOLDS, stubborn, wait

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Only a lifespan."""
    assert scope["type"] == "lifespan"
    held = os.environ["HELD"]
    await receive()
    if held in HOLDS:
        HOLDS[held]()
    elif held == "task":
        tasks.add(asyncio.create_task(stubborn(), name="collector"))
    elif held == "to_thread":
        tasks.add(asyncio.get_running_loop().run_in_executor(None, wait))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if held == "shutdown":
        await asyncio.to_thread(wait)
    elif held == "blocked":
        wait()
    await send({"type": "lifespan.shutdown.complete"})


tasks: set[asyncio.Future[None]] = set()
