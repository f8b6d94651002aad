"""An ASGI application that takes longer to ask for the body than a client may take to send it."""

from __future__ import annotations

import asyncio

from tests.contract.echo_asgi import Receive, Scope, Send, read_body, respond

PAUSE = 0.6
"""Seconds; the tests give clients 0.3."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo the body after a pause."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(PAUSE)
    body = await read_body(receive)
    if body is not None:
        await respond(send, 200, True, body)
