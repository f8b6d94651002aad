"""An ASGI application that writes into its scope, and tells what it finds there."""

from __future__ import annotations

import asyncio
import json

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.contract.echo_asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the parts of the scope that could be shared, and write into each."""
    if scope["type"] != "http":
        raise NotImplementedError
    lengths = [value.decode() for name, value in scope["headers"] if name == b"content-length"]
    parts = {"asgi": scope["asgi"], "extensions": scope["extensions"], "lengths": lengths}
    body = json.dumps(parts).encode()
    for part in (scope["asgi"], scope["state"], *scope["extensions"].values(), scope["extensions"]):
        part["written"] = "by another request"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def text(request: Request) -> Response:
    """A file, large enough to be compressed."""
    return FileResponse(__file__)


async def event(request: Request) -> Response:
    """What kind of object the event is, and whether it is set."""
    found = request.state._state["tricorn.shutdown"]
    assert isinstance(found, asyncio.Event)
    return PlainTextResponse(str(found.is_set()))


gzipped = Starlette(
    routes=[Route("/file", text), Route("/event", event)],
    middleware=[Middleware(GZipMiddleware, minimum_size=100)],
)
