"""The ASGI echo application of the contract: it answers with what it was given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tests.contract.echo_answers import OUTCOMES, answer_for, as_json, run_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by path; see echo_answers."""
    if scope["type"] != "http":
        return
    query = scope["query_string"].decode("latin-1")
    run = run_id(query)
    answer = answer_for(scope["path"])
    body: bytes | None = b""
    if answer.reads:
        OUTCOMES[run] = "reading"
        body = await read_body(receive)
        OUTCOMES[run] = "broken" if body is None else "whole"
    if body is None:
        return
    await respond(send, answer.status, answer.framed, echo_of(scope, body))


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client went or broke its framing before the end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def respond(send: Send, status: int, framed: bool, body: bytes) -> None:
    """Send ``body`` with its length, or in pieces without one when not ``framed``."""
    headers = [(b"content-type", b"application/json")]
    if framed:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if status in (204, 304):
        body = b""
    if framed:
        await send({"type": "http.response.body", "body": body})
        return
    for at in range(0, len(body), 64):
        piece = body[at : at + 64]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


def echo_of(scope: Scope, body: bytes) -> bytes:
    """What the application saw of the request, as JSON."""
    return as_json(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        fields=[(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]],
        body=body,
    )
