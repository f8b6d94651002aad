"""An ASGI application that hangs as the path says; ``/upload`` and the rest answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from tests.process.hangs import CALLS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def wait_for_ever() -> None:
    """Wait for what nobody will do."""
    await asyncio.Event().wait()


async def through_a_child() -> None:
    """The same, in a task of its own."""
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_for_ever(), name="child")


async def stay() -> None:
    """Wait, and go on after each cancellation."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


WAITS = {"/wait": wait_for_ever, "/child": through_a_child, "/stay": stay}


async def read_all(receive: Receive) -> None:
    """Read the request's body."""
    while (await receive()).get("more_body"):
        pass


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Hang, or answer with the process id."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    path = scope["path"]
    if path == "/begin":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        path = "/wait"
    if path in CALLS or path in WAITS or path == "/upload":
        print(f"in {path}", flush=True)
    if path == "/spoil":
        scope.clear()
        await wait_for_ever()
    if call := CALLS.get(path):
        call()
    if wait := WAITS.get(path):
        await wait()
    if path == "/upload":
        await read_all(receive)
    if path == "/after":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"answered"})
        await asyncio.sleep(1.5)
        print("the work after the response is done", flush=True)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
