"""A picture gallery in Starlette: middleware, background tasks, streams, forms, WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket


class State(TypedDict):
    """What the lifespan hands to every request."""

    thumbnails: list[str]


class NameTheServer(BaseHTTPMiddleware):
    """Adds a header to every response."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Call the application and mark its answer."""
        response = await call_next(request)
        response.headers["X-Gallery"] = "open"
        return response


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[State]:
    """Open the gallery with an empty list of thumbnails."""
    yield {"thumbnails": []}


async def picture(request: Request) -> JSONResponse:
    """One picture by its number; 400 when it is not a number."""
    number = request.path_params["number"]
    if not number.isdigit():
        return JSONResponse({"error": f"{number!r} is not a number"}, 400)
    return JSONResponse({"number": int(number)})


async def make_thumbnail(thumbnails: list[str], name: str) -> None:
    """Pretend to work on a picture once its sender has been answered."""
    await asyncio.sleep(0.05)
    thumbnails.append(name)


async def add(request: Request) -> JSONResponse:
    """Take a picture from a form; its thumbnail is made after the answer."""
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        content = await file.read()
        name = file.filename or ""
    task = BackgroundTask(make_thumbnail, request.state.thumbnails, name)
    digest = hashlib.sha256(content).hexdigest()
    return JSONResponse({"name": name, "size": len(content), "sha256": digest}, background=task)


async def thumbnails(request: Request) -> JSONResponse:
    """The names of the thumbnails made so far."""
    return JSONResponse(request.state.thumbnails)


async def pixels(request: Request) -> StreamingResponse:
    """A megabyte in 16 pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(16):
            yield bytes([number]) * 65536

    return StreamingResponse(pieces(), media_type="application/octet-stream")


async def events(request: Request) -> StreamingResponse:
    """Server-sent events until the client goes."""

    async def stream() -> AsyncIterator[str]:
        number = 0
        while not await request.is_disconnected():
            yield f"id: {number}\ndata: tick\n\n"
            number += 1
            await asyncio.sleep(0.05)

    return StreamingResponse(stream(), media_type="text/event-stream")


class Comments(WebSocketEndpoint):
    """JSON both ways: counts the comments of one visit."""

    encoding = "json"

    async def on_connect(self, websocket: WebSocket) -> None:
        """Accept, with the first protocol that the visitor offers."""
        self.count = 0
        await websocket.accept(next(iter(websocket.scope["subprotocols"]), None))

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        """Answer with the number of the comment."""
        self.count += 1
        await websocket.send_json({"number": self.count, "text": data["text"]})


async def back_room(websocket: WebSocket) -> None:
    """Deny the WebSocket, with a response of our own."""
    await websocket.send_denial_response(JSONResponse({"error": "members only"}, 401))


app = Starlette(
    routes=[
        Route("/pictures/{number}", picture),
        Route("/pictures", add, methods=["POST"]),
        Route("/thumbnails", thumbnails),
        Route("/pixels", pixels),
        Route("/events", events),
        WebSocketRoute("/comments", Comments),
        WebSocketRoute("/back-room", back_room),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ],
    middleware=[Middleware(NameTheServer)],
    lifespan=lifespan,
)
