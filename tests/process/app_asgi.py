"""The ASGI application of these tests: each path keeps a request going in its own way."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the request to the function that its path names."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await PATHS[scope["path"]](scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    """Say on stderr when the end comes."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("lifespan ends", file=sys.stderr)
    await send({"type": "lifespan.shutdown.complete"})


async def quick(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await start(send)
    await send({"type": "http.response.body", "body": b"quick"})


async def stop_loop(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and stop what everything runs in."""
    await quick(scope, receive, send)
    asyncio.get_running_loop().stop()


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when the client has sent the whole body."""
    print("slow begins", file=sys.stderr)
    while (await receive()).get("more_body"):
        pass
    await start(send)
    await send({"type": "http.response.body", "body": b"slow"})
    print("slow ends", file=sys.stderr)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin an answer that never ends."""
    await start(send)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("stream cancelled", file=sys.stderr)
        raise


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream until the server stops, and end well."""
    await start(send)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    assert scope["extensions"]["tricorn.shutdown"] == {}
    stopping: asyncio.Event = scope["state"]["tricorn.shutdown"]
    assert not stopping.is_set()
    await stopping.wait()
    await send({"type": "http.response.body", "body": b", ended"})


async def compute(scope: Scope, receive: Receive, send: Send) -> None:
    """Stay in C code that never looks for signals."""
    print("compute begins", file=sys.stderr)
    sum(itertools.repeat(1, 10**13))


async def start(send: Send) -> None:
    """The head of every answer here."""
    await send({"type": "http.response.start", "status": 200, "headers": []})


PATHS = {
    f"/{function.__name__}": function
    for function in (quick, slow, stream, events, compute, stop_loop)
}
