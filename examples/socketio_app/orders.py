"""A kitchen in python-socketio: events with answers, rooms, and a session for each client."""

from __future__ import annotations

import asyncio
from typing import Any

import socketio

server = socketio.AsyncServer(async_mode="asgi")
site = socketio.ASGIApp(server)
closing: set[asyncio.Task[None]] = set()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The kitchen, which closes when the server stops: else a poll would hold it up."""
    if scope["type"] == "lifespan" and "tricorn.shutdown" in scope["state"]:
        closing.add(asyncio.create_task(close(scope["state"]["tricorn.shutdown"])))
    await site(scope, receive, send)


async def close(stopping: asyncio.Event) -> None:
    """Send all clients away, who come back to another server."""
    await stopping.wait()
    for client, _ in list(server.manager.get_participants("/", None)):
        await server.disconnect(client)


@server.event
async def connect(client: str, environ: dict[str, Any], auth: dict[str, str] | None) -> None:
    """Let in who has a name."""
    if not auth or not auth.get("name"):
        raise socketio.exceptions.ConnectionRefusedError("who are you?")
    await server.save_session(client, {"name": auth["name"]})


@server.event
async def sit(client: str, table: str) -> str:
    """Sit down at a table; the answer greets."""
    await server.enter_room(client, table)
    session = await server.get_session(client)
    return f"welcome, {session['name']}"


@server.event
async def order(client: str, table: str, dish: str, picture: bytes | None = None) -> dict[str, int]:
    """Tell the whole table what was ordered; the answer counts the bytes of the picture."""
    session = await server.get_session(client)
    await server.emit("ordered", {"by": session["name"], "dish": dish}, room=table)
    return {"bytes": len(picture or b"")}


@server.event
async def leave(client: str) -> None:
    """Say goodbye: the server ends the connection."""
    await server.disconnect(client)
