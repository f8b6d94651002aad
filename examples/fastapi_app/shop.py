"""A small shop in FastAPI: JSON, validation, streaming, server-sent events, file upload."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field


class Item(BaseModel):
    """Something for sale."""

    name: str = Field(min_length=1, max_length=40)
    price: float = Field(gt=0)


class StoredFile(BaseModel):
    """What is known of an uploaded file; ``size`` in bytes."""

    name: str
    size: int
    sha256: str


items: dict[int, Item] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Fill the shop before the first request and clear it after the last."""
    items[1] = Item(name="lamp", price=12.5)
    yield
    items.clear()


app = FastAPI(title="Shop", lifespan=lifespan)


@app.get("/items/{number}")
async def show(number: int) -> Item:
    """One item by its number."""
    if number not in items:
        raise HTTPException(404, "no such item")
    return items[number]


@app.post("/items", status_code=201)
async def add(item: Item) -> dict[str, int]:
    """Put an item up for sale; the number it got."""
    number = max(items, default=0) + 1
    items[number] = item
    return {"number": number}


@app.get("/threads")
def in_a_thread() -> dict[str, int]:
    """A plain function: FastAPI runs it in a thread."""
    return {"items": len(items)}


@app.get("/numbers")
async def numbers(count: Annotated[int, Query(ge=1, le=100_000)] = 10) -> StreamingResponse:
    """Lines of numbers, sent as they are made."""

    async def lines() -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/events", response_class=EventSourceResponse)
async def events(
    count: Annotated[int, Query(ge=1, le=100)] = 3,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events, one each tenth of a second."""
    for number in range(count):
        yield ServerSentEvent(id=str(number), data={"items": len(items)})
        await asyncio.sleep(0.1)


@app.post("/files")
async def upload(file: UploadFile) -> StoredFile:
    """Take a file and tell its size and digest, reading it in pieces."""
    digest, size = hashlib.sha256(), 0
    while piece := await file.read(64 * 1024):
        digest.update(piece)
        size += len(piece)
    return StoredFile(name=file.filename or "", size=size, sha256=digest.hexdigest())
