"""A FastAPI JSON route: one path parameter, one query parameter, one response model."""

# The frameworks are installed with the rivals, not where the types are checked.
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator,misc"

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI(openapi_url=None)


class Item(BaseModel):
    """What the route answers."""

    id: int
    name: str
    tags: list[str]


@app.get("/items/{item_id}")
async def item(item_id: int, name: str = "hat") -> Item:
    """An item made from the two parameters."""
    return Item(id=item_id, name=name, tags=["felt", "black"])
