"""An ASGI application for HTTPS: its scheme, what it is sent, a large answer and a file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import warnings
from pathlib import Path
from typing import Any

SIZE = 8 * 1024 * 1024
BLOCK = bytes(range(256)) * 256
START = {"type": "http.response.start", "status": 200, "headers": []}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """By path: /scheme, /pid, /tls, /digest of the body, /stream and /large of SIZE, /file?PATH."""
    if scope["type"] != "http":
        return
    meddle(scope["path"])
    await send(START)
    match scope["path"]:
        case "/scheme":
            await finish(send, scope["scheme"].encode())
        case "/tls":
            await finish(send, json.dumps(scope["extensions"].get("tls")).encode())
        case "/pid" | "/freeze" | "/fork":
            await finish(send, str(os.getpid()).encode())
        case "/digest":
            await finish(send, (await digest(receive)).encode())
        case "/stream":
            for _ in range(SIZE // len(BLOCK)):
                await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
            await finish(send, b"")
        case "/large":
            await finish(send, BLOCK * (SIZE // len(BLOCK)))
        case "/file":
            path = Path(scope["query_string"].decode())
            await send({"type": "http.response.pathsend", "path": str(path)})


def meddle(path: str) -> None:
    """At /freeze the process stops until it gets SIGCONT, at /fork it has a child that ends."""
    if path == "/freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif path == "/fork":
        with warnings.catch_warnings(action="ignore"):  # of threads that the child has not
            child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


async def finish(send: Any, body: bytes) -> None:
    """The last part of the answer."""
    await send({"type": "http.response.body", "body": body})


async def digest(receive: Any) -> str:
    """SHA-256 of the request's body."""
    seen = hashlib.sha256()
    while True:
        message = await receive()
        seen.update(message.get("body", b""))
        if not message.get("more_body"):
            return seen.hexdigest()


async def strict(scope: Any, receive: Any, send: Any) -> None:
    """Speak of HTTPS itself."""
    if scope["type"] == "http":
        fields = [(b"Strict-Transport-Security", b"max-age=1")]
        await send({**START, "headers": fields})
        await finish(send, b"")
