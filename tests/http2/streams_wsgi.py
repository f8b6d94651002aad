"""A WSGI application that streams: the same paths as its ASGI twin, where WSGI has them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]

PIECE = b"x" * 16384
SEEN: dict[str, int] = {"pieces": 0, "closed": 0, "received": 0}


class Endless:
    """A body without an end, which counts what it gave and that it was closed."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        SEEN["pieces"] += 1
        return PIECE

    def close(self) -> None:
        """Called by the server, whatever happens (PEP 3333)."""
        SEEN["closed"] += 1


def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer by path."""
    path = environ["PATH_INFO"]
    if path == "/written":
        return written(environ, start_response)
    if path == "/fields":
        fields = ("x-a", "te", "upgrade", "proxy-connection")
        start_response("200 OK", [(name, "trailers") for name in fields])
        return [b"with fields"]
    start_response("200 OK", [])
    if path == "/endless":
        return Endless()
    return [PATHS[path](environ)]


def written(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """As many bytes as the query says, by write()."""
    write = start_response("200 OK", [])
    for _ in range(int(environ["QUERY_STRING"]) // len(PIECE)):
        write(PIECE)
    return []


def seen(_environ: Environ) -> bytes:
    """What has happened so far."""
    return json.dumps(SEEN).encode()


def slow(_environ: Environ) -> bytes:
    """An answer after a while."""
    time.sleep(0.5)
    return b"done"


def idle(_environ: Environ) -> bytes:
    """Neither reads nor answers for longer than a test takes."""
    time.sleep(20)
    return b""


def large(environ: Environ) -> bytes:
    """As many bytes as the query says, in one piece."""
    return b"y" * int(environ["QUERY_STRING"])


def count(environ: Environ) -> bytes:
    """How long the body was."""
    size = 0
    while piece := environ["wsgi.input"].read(8192):
        size += len(piece)
    return json.dumps({"size": size, "trailers": []}).encode()


def scope_of(environ: Environ) -> bytes:
    """What the environ says of the request."""
    names = ("SERVER_PROTOCOL", "REQUEST_METHOD", "HTTP_HOST", "HTTP_COOKIE")
    return json.dumps({name: environ.get(name) for name in names}).encode()


PATHS: dict[str, Callable[[Environ], bytes]] = {
    "/seen": seen,
    "/slow": slow,
    "/idle": idle,
    "/large": large,
    "/count": count,
    "/scope": scope_of,
}
