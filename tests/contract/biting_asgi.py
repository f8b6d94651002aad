"""An ASGI application whose messages are made of objects that bite, by path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from tests.contract.biting import (
    LARGE,
    Liar,
    Mourned,
    Number,
    Sequence,
    Touchy,
    failing,
    numbers,
)
from tests.contract.echo_asgi import Receive, Scope, Send

START = {"type": "http.response.start", "status": 200, "headers": []}
WAITING: dict[str, Any] = {}
SAID = asyncio.Event()
"""A finalizer has sent what it had to say."""


def body(content: Any, **more: object) -> dict[str, Any]:
    """A body message."""
    return {"type": "http.response.body", "body": content, **more}


def with_headers(make: Callable[[], Any]) -> Callable[[Send], Awaitable[None]]:
    """A response with these header fields, whose names are its body."""

    async def serve(send: Send) -> None:
        await send({**START, "headers": make()})
        await send(body(b"served"))

    return serve


def with_body(*contents: Any) -> Callable[[Send], Awaitable[None]]:
    """A response of these pieces."""

    async def serve(send: Send) -> None:
        await send(START)
        for content in contents:
            await send(body(content, more_body=True))
        await send(body(b""))

    return serve


async def changing(send: Send) -> None:
    """A buffer that changes once it was sent."""
    buffer = bytearray(b"before" * 20000)
    await send(START)
    sending = send(body(buffer, more_body=True))
    buffer[:] = b"after!" * 20000
    await sending
    await send(body(b""))


async def mourned(send: Send) -> None:
    """A large body that runs Python when it goes: a send of another request."""
    waiting = WAITING.pop("send", None)
    content = Mourned(b"m" * LARGE)
    if waiting is not None:

        def last_words() -> None:
            waiting(body(b"from __del__"))
            SAID.set()

        content.on_end = last_words
    await send(START)
    sending = send(body(content))
    del content
    await sending


async def waiting(send: Send) -> None:
    """A response that somebody else ends."""
    WAITING["send"] = send
    await send(START)
    await send(body(b"begun, ", more_body=True))
    await SAID.wait()
    SAID.clear()


async def touchy(send: Send) -> None:
    """Messages with keys that can't be compared."""
    await send({Touchy("type"): "no", **START})
    await send(body(b"served"))


async def number(send: Send) -> None:
    """A status that says something else of itself."""
    await send({**START, "status": Number(200)})
    await send(body(b"served"))


PAIR = (b"x-a", b"1")
PATHS: dict[str, Callable[[Send], Awaitable[None]]] = {
    "/generator": with_headers(lambda: (pair for pair in [PAIR])),
    "/map": with_headers(lambda: map(tuple, [[b"x-a", b"1"]])),
    "/tuple-of-lists": with_headers(lambda: ([b"x-a", b"1"],)),
    "/pairs-of-iterators": with_headers(lambda: [iter(PAIR)]),
    "/old-sequence": with_headers(lambda: Sequence(Sequence(*PAIR))),
    "/memoryviews": with_headers(lambda: [(memoryview(b"x-a"), bytearray(b"1"))]),
    "/lying-fields": with_headers(lambda: [(Liar(b"x-a"), Liar(b"1"))]),
    "/failing-headers": with_headers(lambda: failing(PAIR)),
    "/three": with_headers(lambda: [(b"x-a", b"1", b"2")]),
    "/texts": with_headers(lambda: [("x-a", "1")]),
    "/numbers": with_headers(lambda: [1]),
    "/liar": with_body(Liar(b"true")),
    "/array": with_body(numbers(100)),
    "/large-array": with_body(numbers(100000)),
    "/strided": with_body(memoryview(b"a-b-c-")[::2]),
    "/changing": changing,
    "/mourned": mourned,
    "/waiting": waiting,
    "/touchy": touchy,
    "/number": number,
}


class Deferred:
    """Not a coroutine, but something that can be awaited."""

    def __init__(self, serving: Awaitable[None]) -> None:
        self.serving = serving

    def __await__(self) -> Generator[Any, Any, None]:
        return self.serving.__await__()


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """By path."""
    if scope["type"] != "http":
        raise NotImplementedError
    if scope["path"] in PATHS:
        await PATHS[scope["path"]](send)
        return
    await send(START)
    await send(body(b"served"))


def app(scope: Scope, receive: Receive, send: Send) -> Any:
    """What is no coroutine function gives its awaitable in several forms."""
    form = scope.get("path", "")
    if form == "/await":
        return Deferred(serve(scope, receive, send))
    if form == "/future":
        return asyncio.ensure_future(serve(scope, receive, send))
    if form == "/nothing":
        return None
    return serve(scope, receive, send)
