"""The bare ASGI applications of the benchmark, one for each scenario."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TEXT = (b"content-type", b"text/plain")
MEBIBYTE = bytes(1024 * 1024)
PIECE = bytes(4096)
PIECES = 16


def head(length: int, status: int = 200) -> Message:
    """The start of a plain text response of `length` bytes."""
    headers = [TEXT, (b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}


HELLO_HEAD = head(13)
HELLO_BODY = {"type": "http.response.body", "body": b"Hello, world!"}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """13 bytes of text."""
    assert scope["type"] == "http"
    await send(HELLO_HEAD)
    await send(HELLO_BODY)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """The request body, once it has come whole."""
    assert scope["type"] == "http"
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    await send(head(len(body)))
    await send({"type": "http.response.body", "body": body})


async def sleep(scope: Scope, receive: Receive, send: Send) -> None:
    """Hello after 10 ms in the event loop."""
    assert scope["type"] == "http"
    await asyncio.sleep(0.01)
    await send(HELLO_HEAD)
    await send(HELLO_BODY)


async def mebibyte(scope: Scope, receive: Receive, send: Send) -> None:
    """1 MiB in one message."""
    assert scope["type"] == "http"
    await send(head(len(MEBIBYTE)))
    await send({"type": "http.response.body", "body": MEBIBYTE})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """64 KiB of unannounced length in 16 messages, and an empty last one."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    for _ in range(PIECES):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """The number of body bytes, in decimal digits, keeping none of them."""
    assert scope["type"] == "http"
    total = 0
    more = True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(total).encode()
    await send(head(len(body)))
    await send({"type": "http.response.body", "body": body})


async def pathsend(scope: Scope, receive: Receive, send: Send) -> None:
    """The file named by BENCH_FILE through http.response.pathsend; 501 without the extension."""
    assert scope["type"] == "http"
    if "http.response.pathsend" not in (scope.get("extensions") or {}):
        await send(head(0, status=501))
        await send({"type": "http.response.body", "body": b""})
        return
    path = os.environ["BENCH_FILE"]
    await send(head(os.stat(path).st_size))  # noqa: PTH116
    await send({"type": "http.response.pathsend", "path": path})
