"""What the tests of WebSocket talk to: each path is one way of behaving.

What an application learns of an end is printed as ``PATH CODE REASON``.
"""

from __future__ import annotations

import asyncio
from typing import Any

Message = dict[str, Any]

released = asyncio.Event()
received: list[int] = []
sent: list[int] = []


async def echo(scope: Message, receive: Any, send: Any) -> None:
    """Send each message back."""
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    tell(scope, message)


async def choose(scope: Message, receive: Any, send: Any) -> None:
    """Close with the code and the reason of the first message."""
    await send({"type": "websocket.accept"})
    code, _, reason = (await receive())["text"].partition(" ")
    await send({"type": "websocket.close", "code": int(code), "reason": reason})
    tell(scope, await receive())
    try:
        await send({"type": "websocket.send", "text": "too late"})
    except OSError as error:
        print(type(error).__name__, flush=True)


async def fail(scope: Message, receive: Any, send: Any) -> None:
    """Raise after the first message."""
    await send({"type": "websocket.accept"})
    await receive()
    raise RuntimeError("on purpose")


async def leave(scope: Message, receive: Any, send: Any) -> None:
    """Return after the first message."""
    await send({"type": "websocket.accept"})
    await receive()


async def refuse(scope: Message, receive: Any, send: Any) -> None:
    """Close what was not accepted."""
    await send({"type": "websocket.close"})


async def deny(scope: Message, receive: Any, send: Any) -> None:
    """Answer with a response."""
    fields = [(b"content-type", b"text/plain")]
    start = {"type": "websocket.http.response.start", "status": 401, "headers": fields}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"are you?"})


async def silent(scope: Message, receive: Any, send: Any) -> None:
    """Return without a word."""


async def waits(scope: Message, receive: Any, send: Any) -> None:
    """Wait for the client to go, without an answer."""
    print("/waits waits", flush=True)
    tell(scope, await receive())


async def last(scope: Message, receive: Any, send: Any) -> None:
    """Accept the last subprotocol, with a field, and show the scope."""
    fields = [(b"x-app", b"1"), (b"Connection", b"close")]
    name = scope["subprotocols"][-1] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": name, "headers": fields})
    shown = {key: scope[key] for key in sorted(scope) if key not in ("state", "server", "client")}
    await send({"type": "websocket.send", "text": repr(shown)})


async def wrong(scope: Message, receive: Any, send: Any) -> None:
    """Send what can't be sent, one after the other, and tell what was raised."""
    bad = [(b"sec-websocket-protocol", b"x")]
    before: list[Message] = [
        {"type": "websocket.send", "text": ""},
        {"type": "http.response.start"},
        {"type": "websocket.accept", "subprotocol": "not offered"},
        {"type": "websocket.accept", "headers": bad},
    ]
    told = [await attempt(send, message) for message in before]
    await send({"type": "websocket.accept"})
    after: list[Message] = [
        {"type": "websocket.accept"},
        {"type": "websocket.send"},
        {"type": "websocket.send", "text": b"bytes"},
        {"type": "websocket.send", "bytes": "text"},
        {"type": "websocket.close", "code": 1005},
        {"type": "websocket.close", "code": "x"},
        {"type": "websocket.http.response.start", "status": 200},
        {"type": "websocket.nonsense"},
        {},
    ]
    told += [await attempt(send, message) for message in after]
    await send({"type": "websocket.send", "text": "\n".join(told)})


async def attempt(send: Any, message: Message) -> str:
    """The error of a message, as ``TypeError: text``."""
    try:
        await send(message)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "fine"


async def hold(scope: Message, receive: Any, send: Any) -> None:
    """Receive nothing until ``GET /release``, then everything."""
    await send({"type": "websocket.accept"})
    await released.wait()
    while (message := await receive())["type"] == "websocket.receive":
        received.append(len(message.get("bytes") or message["text"]))
    tell(scope, message)


async def flood(scope: Message, receive: Any, send: Any) -> None:
    """Send as fast as the client reads."""
    await send({"type": "websocket.accept"})
    try:
        while True:
            await send({"type": "websocket.send", "bytes": bytes(10_000)})
            sent.append(10_000)
    except OSError as error:
        print(scope["path"], type(error).__name__, flush=True)


async def together(scope: Message, receive: Any, send: Any) -> None:
    """Receive and send in two tasks."""
    await send({"type": "websocket.accept"})

    async def tick() -> None:
        for number in range(3):
            await send({"type": "websocket.send", "text": str(number)})
            await asyncio.sleep(0)

    task = asyncio.create_task(tick())
    message = await receive()
    await task
    await send({**message, "type": "websocket.send"})


def tell(scope: Message, message: Message) -> None:
    """Print how it ended."""
    print(scope["path"], message["code"], message["reason"], flush=True)


PATHS = {
    f"/{serve.__name__}": serve
    for serve in (echo, choose, fail, leave, refuse, deny, silent, last, wrong, hold, flood)
} | {"/together": together, "/waits": waits}


async def app(scope: Message, receive: Any, send: Any) -> None:
    """Serve a WebSocket by its path; over HTTP tell what was sent and received."""
    if scope["type"] == "websocket":
        assert (await receive()) == {"type": "websocket.connect"}
        await PATHS[scope["path"]](scope, receive, send)
        return
    if scope["path"] == "/release":
        released.set()
    if scope["path"] == "/hold-again":
        released.clear()
        received.clear()
    body = f"{len(received)} {sum(received)} {sum(sent)}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
