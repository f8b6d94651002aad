"""The ASGI application of forked workers: answers with the worker's number, or holds on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def app(number: int) -> App:
    """The application of worker ``number``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/fail":
            raise RuntimeError("as asked")
        if path == "/block":
            print("blocks", file=sys.stderr, flush=True)
            Path(os.environ["GATE"]).read_bytes()  # until somebody opens it to write
            print("goes on", file=sys.stderr, flush=True)
        if path == "/wait":
            print("blocks", file=sys.stderr, flush=True)
            await asyncio.to_thread(Path(os.environ["GATE"]).read_bytes)
            print("goes on", file=sys.stderr, flush=True)
        if path.startswith("/slow"):
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path == "/stream":
            await stream(receive, send)
        await send({"type": "http.response.body", "body": str(number).encode()})

    return app


async def stream(receive: Receive, send: Send) -> None:
    """Begin, and go on when the client has left."""
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
