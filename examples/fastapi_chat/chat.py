"""A chat in FastAPI: rooms over WebSocket, and a page that comes back after a reload."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse

PAGE = Path(__file__).parent / "page.html"

app = FastAPI(title="Chat")
rooms: defaultdict[str, set[WebSocket]] = defaultdict(set)


@app.get("/")
async def page() -> FileResponse:
    """The page to chat on."""
    return FileResponse(PAGE)


@app.websocket("/rooms/{room}")
async def talk(websocket: WebSocket, room: str, name: str) -> None:
    """Tell everybody in the room who comes, what is said, and who goes."""
    await websocket.accept()
    rooms[room].add(websocket)
    try:
        await broadcast(room, {"from": name, "event": "came"})
        while True:
            await broadcast(room, {"from": name, "text": await websocket.receive_text()})
    except WebSocketDisconnect:
        pass
    finally:
        rooms[room].discard(websocket)
        await broadcast(room, {"from": name, "event": "went"})


async def broadcast(room: str, message: dict[str, str]) -> None:
    """Send to each member, and let go of those who have gone meanwhile."""
    for member in list(rooms[room]):
        try:
            await member.send_json(message)
        except (WebSocketDisconnect, RuntimeError):
            rooms[room].discard(member)
