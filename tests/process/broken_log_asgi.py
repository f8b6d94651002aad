"""An ASGI application that breaks what its server logs to, by path, or ends its lifespan early."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

WAITING = asyncio.Event()
ENDING = asyncio.Event()


class Raising(logging.Handler):
    """Fails with each message."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise RuntimeError("the handler has failed")


async def ending(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same, with a lifespan that ends in an error at ``/end``."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await ENDING.wait()
        raise RuntimeError("the lifespan is over")
    await app(scope, receive, send)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """``/close`` and ``/handler`` break the log, ``/raise`` fails, ``/wait`` waits for ``/go``."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    match scope["path"]:
        case "/close":
            sys.stderr.close()
        case "/handler":
            logging.getLogger("tricorn").addHandler(Raising())
        case "/raise":
            raise RuntimeError("on purpose")
        case "/wait":
            print("waits", flush=True)
            await WAITING.wait()
        case "/end":
            ENDING.set()
        case "/go":
            WAITING.set()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})
