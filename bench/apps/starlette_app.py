"""A Starlette route that answers plain text."""

# The frameworks are installed with the rivals, not where the types are checked.
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator,misc"

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request: Request) -> PlainTextResponse:
    """13 bytes of text."""
    return PlainTextResponse("Hello, world!")


app = Starlette(routes=[Route("/", hello)])
