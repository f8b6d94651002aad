"""The ASGI application of the hostile tests: slow, large, endless and counted answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tests.hostile.tally import PIECE, as_json, counted, objects

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TICKS = {"timer": 0}
"""How often the 1 ms timer of the loop has fired since the last /ticks."""
TIMERS: list[asyncio.Task[None]] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by path: the functions below that are named after it."""
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
    elif scope["type"] == "http":
        route = ROUTES.get(scope["path"].split("/")[1], hello)
        await route(scope, receive, send)


async def reply(send: Send, body: bytes, *fields: tuple[bytes, bytes]) -> None:
    """A whole 200 response."""
    await send({"type": "http.response.start", "status": 200, "headers": list(fields)})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """The path as it came."""
    await reply(send, scope["path"].encode())


async def census(scope: Scope, receive: Receive, send: Send) -> None:
    """What is alive in this process, as JSON."""
    tasks = len(asyncio.all_tasks())
    await reply(send, as_json(tasks=tasks, objects=objects(), **counted()))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Each message of a WebSocket as it came, until the client has gone."""
    await send({"type": "websocket.accept"})
    with contextlib.suppress(OSError):
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """8 MiB at once."""
    await reply(send, PIECE * 128)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """16 MiB in pieces, never waiting for anything but send()."""
    await send({"type": "http.response.start", "status": 200})
    for _ in range(256):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body"})


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Small pieces until the client has gone."""
    await send({"type": "http.response.start", "status": 200})
    with contextlib.suppress(OSError):
        while True:
            await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """The number of bytes in the body; nothing when the client goes before its end."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await reply(send, str(size).encode())


async def wait(scope: Scope, receive: Receive, send: Send) -> None:
    """No answer until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def ticks(scope: Scope, receive: Receive, send: Send) -> None:
    """How often the timer has fired since this was last asked; starts it the first time."""
    if not TIMERS:
        TIMERS.append(asyncio.create_task(tick()))
    fired, TICKS["timer"] = TICKS["timer"], 0
    await reply(send, str(fired).encode())


async def tick() -> None:
    """Count each firing of a 1 ms timer."""
    while True:
        await asyncio.sleep(0.001)
        TICKS["timer"] += 1


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise what ends a program."""
    raise {"/raise/keyboard": KeyboardInterrupt, "/raise/exit": SystemExit}[scope["path"]]


async def foreign(scope: Scope, receive: Receive, send: Send) -> None:
    """Call send() from a thread that is not the loop's; what came of it."""
    outcome: list[str] = []

    def call() -> None:
        try:
            start = {"type": "http.response.start", "status": 200}
            send(start).__await__().__next__()
            outcome.append("it worked")
        except BaseException as error:
            outcome.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=call)
    thread.start()
    await asyncio.to_thread(thread.join)
    await reply(send, outcome[0].encode())


async def child(scope: Scope, receive: Receive, send: Send) -> None:
    """Start a child that outlives this request, in the way the path names; its process id."""
    started = START[scope["path"].rpartition("/")[2]]()
    await reply(send, str(started).encode(), (b"connection", b"close"))


def fork() -> int:
    """A bare fork that does nothing for a while."""
    pid = os.fork()
    if pid == 0:
        threading.Event().wait(60)
        os._exit(0)
    return pid


def spawn() -> int:
    """A subprocess that does nothing for a while."""
    command = [sys.executable, "-c", "import threading; threading.Event().wait(60)"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL).pid


START = {"fork": fork, "subprocess": spawn}
ROUTES = {
    "census": census,
    "large": large,
    "stream": stream,
    "endless": endless,
    "upload": upload,
    "wait": wait,
    "ticks": ticks,
    "raise": exits,
    "foreign": foreign,
    "child": child,
}
