"""The echo application behind the ASGI checker, with a path that tells what it complained of.

``/complaints`` answers with the complaints since it was last asked and with all types seen;
``/wait`` waits for the client to go; ``/pause`` gives the loop a turn before it answers.
"""

from __future__ import annotations

import asyncio
import json

from tests.contract.echo_asgi import app as echo
from tests.contract.echo_asgi import respond
from tests.kit.asgi_checker import AsgiChecker, Message, Receive, Send


async def serve(scope: Message, receive: Receive, send: Send) -> None:
    """Handle lifespan, answer the two paths of our own, leave the rest to the echo."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["path"] == "/complaints":
        told = {"complaints": app.complaints, "seen": sorted(app.seen), "state": started(scope)}
        app.complaints = []
        await respond(send, 200, True, json.dumps(told).encode())
    elif scope["path"] == "/wait":
        while (await receive())["type"] != "http.disconnect":
            pass
    elif scope["path"] == "/pause":
        await asyncio.sleep(0)
        await respond(send, 200, True, b"")
    else:
        await echo(scope, receive, send)


async def lifespan(scope: Message, receive: Receive, send: Send) -> None:
    """Start with one thing in the state, and end when told."""
    await receive()
    scope["state"]["started"] = True
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def started(scope: Message) -> bool:
    """Whether this request got what the lifespan put into the state."""
    return bool(scope["state"].get("started"))


app = AsgiChecker(serve)
