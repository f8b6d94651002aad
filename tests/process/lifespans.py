"""ASGI applications whose lifespan goes in different ways; a request is answered with its state."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Lifespan = Callable[[Scope, Receive, Send], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def with_lifespan(lifespan: Lifespan) -> Application:
    """An application with this lifespan, which answers requests with ``scope["state"]``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            print("lifespan called", file=sys.stderr)
            await lifespan(scope, receive, send)
            return
        state = {name: of for name, of in scope["state"].items() if name != "tricorn.shutdown"}
        body = repr(state).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


async def full(scope: Scope, receive: Receive, send: Send) -> None:
    """Speak the protocol, and leave something in the state."""
    assert await receive() == {"type": "lifespan.startup"}
    scope["state"]["answer"] = 42
    await send({"type": "lifespan.startup.complete"})
    assert await receive() == {"type": "lifespan.shutdown"}
    print("lifespan ended", file=sys.stderr)
    await send({"type": "lifespan.shutdown.complete"})


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail with a reason."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is away"})


async def failing_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    """Start well, end badly."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "could not flush"})


async def unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """Know nothing of lifespans, as a plain application."""
    raise NotImplementedError("lifespan")


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Never come to an end of the start-up."""
    await receive()
    print("startup begins", file=sys.stderr)
    try:
        await asyncio.Event().wait()
    finally:
        print("startup cleaned up", file=sys.stderr)


full_app = with_lifespan(full)
failing_app = with_lifespan(failing)
failing_shutdown_app = with_lifespan(failing_shutdown)
unknown_app = with_lifespan(unknown)
endless_app = with_lifespan(endless)
