"""An ASGI application that gives up its own receives and sends, and goes on.

``/receive/WAY/before`` and ``/receive/WAY/suspended`` give up one receive and answer with the whole
body; ``/send/…`` gives up one send in the same ways. WebSockets of these paths do the same with
messages. ``interrupted QUERY COUNT`` goes to stdout when it is done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio

from tests.contract.echo_asgi import Receive, Scope, Send
from tests.contract.interruptions import WAYS, Message

LARGE = 256 * 1024
MOST = 400
"""So many large pieces are sent at the most until a send is suspended."""
COUNT = 3
"""Messages that a WebSocket of ``/receive`` awaits."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve by path."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await WEBSOCKETS[scope["path"].split("/")[1]](scope, receive, send)
        return
    await REQUESTS[scope["path"].split("/")[1]](scope, receive, send)


def tell(scope: Scope, count: int = 0) -> None:
    """Something was given up, after ``count`` pieces."""
    print("interrupted", scope["query_string"].decode(), count, flush=True)


async def whole(receive: Receive, first: Message | None = None) -> bytes:
    """The body, whose first message may be there."""
    body, message = bytearray(), first or await receive()
    while message["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            return bytes(body)
        message = await receive()
    return bytes(body) + b" (cut)"


async def answer(send: Send, body: bytes) -> None:
    """A response in two messages."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def plain(_scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing is given up."""
    await answer(send, await whole(receive))


async def receives(scope: Scope, receive: Receive, send: Send) -> None:
    """One receive is given up; the body is whole all the same."""
    *_, way, when = scope["path"].split("/")
    _, first = await WAYS[way](receive, when == "suspended")
    tell(scope)
    await answer(send, await whole(receive, first))


async def sends(scope: Scope, _receive: Receive, send: Send) -> None:
    """One send is given up, in the middle of a body."""
    *_, way, when = scope["path"].split("/")
    await send({"type": "http.response.start", "status": 200, "headers": []})

    def body(piece: bytes) -> Message:
        return {"type": "http.response.body", "body": piece, "more_body": True}

    count = await interrupt_send(way, when, send, body)
    tell(scope, count)
    await send({"type": "http.response.body", "body": b"the end"})


async def interrupt_send(way: str, when: str, send: Send, make: Callable[[bytes], Message]) -> int:
    """Send until one send is given up; how many pieces were given to ``send``."""
    size = LARGE if when == "suspended" else 10
    for number in range(MOST):
        piece = make(bytes([number % 256]) * size)
        ended, _ = await WAYS[way](partial(send, piece), when == "suspended")
        if not ended:
            return number + 1
    return MOST


async def hammer(_scope: Scope, receive: Receive, send: Send) -> None:
    """Receives are given up at random moments."""
    draw, body = random.Random(1), b""
    while True:
        message = await impatient(receive, draw)
        if message["type"] != "http.request":
            body += b" (cut)"
            break
        body += message["body"]
        if not message["more_body"]:
            break
    await answer(send, body)


async def impatient(receive: Receive, draw: random.Random) -> Message:
    """One message, after any number of receives that were given up."""
    while True:
        task = asyncio.ensure_future(receive())
        for _ in range(draw.randrange(3)):
            await asyncio.sleep(0)
        if draw.random() < 0.5:
            await asyncio.wait([task], timeout=0.001)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            return task.result()


async def asks(scope: Scope, receive: Receive, send: Send) -> None:
    """Ask again and again whether the client has gone, like Starlette; tell the growth in KiB."""
    await whole(receive)
    for turn in range(int(scope["path"].split("/")[-1]) + 2000):
        if turn == 2000:
            before = resident()
        with anyio.CancelScope() as inside:
            inside.cancel()
            await receive()
    await answer(send, str(resident() - before).encode())


def resident() -> int:
    """Memory of this process, in KiB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4


async def ws_receives(scope: Scope, receive: Receive, send: Send) -> None:
    """One receive is given up; no message is lost or comes twice."""
    *_, way, when = scope["path"].split("/")
    _, first = await WAYS[way](receive, when == "suspended")
    tell(scope)
    got = [] if first is None else [first["text"]]
    while len(got) < COUNT:
        got.append((await receive())["text"])
    await send({"type": "websocket.send", "text": " ".join(got)})


async def ws_sends(scope: Scope, _receive: Receive, send: Send) -> None:
    """One send is given up between two messages."""
    *_, way, when = scope["path"].split("/")
    count = await interrupt_send(
        way, when, send, lambda piece: {"type": "websocket.send", "bytes": piece}
    )
    tell(scope, count)
    await send({"type": "websocket.send", "text": "the end"})


async def ws_echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Each message as it came."""
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def ws_hammer(_scope: Scope, receive: Receive, send: Send) -> None:
    """The same with receives that are given up at random moments."""
    draw = random.Random(2)
    while (message := await impatient(receive, draw))["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


REQUESTS = {"plain": plain, "receive": receives, "send": sends, "hammer": hammer, "asks": asks}
WEBSOCKETS = {"plain": ws_echo, "receive": ws_receives, "send": ws_sends, "hammer": ws_hammer}
