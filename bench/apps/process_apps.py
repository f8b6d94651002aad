"""The applications of the process figures: hello, a millisecond of Python, and a call of 2 s."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY = b"Hello, world!"
LENGTH = str(len(BODY))
WORK = 12_000  # rounds of a loop: about a millisecond
BLOCKED = 2.0  # seconds


def act(path: str) -> None:
    """What the path asks for; a file says when the blocking call begins."""
    if path == "/work":
        total = 0
        for number in range(WORK):
            total += number * number
    elif path == "/block":
        Path(os.environ["BENCH_BLOCKED"]).touch()
        time.sleep(BLOCKED)


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Hello, after what the path asks for; a call that blocks blocks the event loop."""
    assert scope["type"] == "http"
    act(scope["path"])
    headers = [(b"content-length", LENGTH.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The same as a WSGI application."""
    act(environ["PATH_INFO"])
    start_response("200 OK", [("content-length", LENGTH)])
    return [BODY]
