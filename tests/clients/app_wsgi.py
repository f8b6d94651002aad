"""The WSGI twin of ``app_asgi``; it has no trailers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.clients.bodies import PIECE, Digest, pieces

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]

STREAMS: set[int] = set()
"""Downloads that have not ended; threads change it, each by one atomic step."""


def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer by path."""
    return PATHS[environ["PATH_INFO"]](environ, start_response)


def who(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The client's port, by which it knows its connections, and the version that it speaks."""
    _, version = environ["SERVER_PROTOCOL"].split("/")
    port = int(environ["REMOTE_PORT"])
    start_response("200 OK", [])
    return [json.dumps({"port": port, "http": version, "running": len(STREAMS)}).encode()]


def digest(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Size and digest of what was sent."""
    digest = Digest()
    while piece := environ["wsgi.input"].read(PIECE):
        digest.add(piece)
    start_response("200 OK", [])
    return [json.dumps(digest.said()).encode()]


def large(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """As many bytes as the query says, of unknown length."""
    start_response("200 OK", [])
    return stream(environ)


def sized(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """As many bytes as the query says, of known length."""
    start_response("200 OK", [("Content-Length", environ["QUERY_STRING"])])
    return stream(environ)


def stream(environ: Environ) -> Iterator[bytes]:
    """A body, piece by piece."""
    STREAMS.add(id(environ))
    try:
        yield from pieces(int(environ["QUERY_STRING"]))
    finally:
        STREAMS.remove(id(environ))


def refused(_environ: Environ, start_response: Start) -> Iterable[bytes]:
    """413 without a look at the body."""
    start_response("413 Content Too Large", [])
    return [b"too large"]


PATHS = {f"/{function.__name__}": function for function in (who, digest, large, sized, refused)}
