"""A WSGI application that sends as many bytes as the query says, each path in another way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from typing import IO, Any
from urllib.parse import parse_qs

Environ = dict[str, Any]


def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """As many bytes as ``size`` says, in pieces of ``piece``; the path says how."""
    query = parse_qs(environ["QUERY_STRING"])
    size, piece = int(query["size"][0]), int(query["piece"][0])
    write = start_response("200 OK", [])
    way = environ["PATH_INFO"]
    if way == "/whole":
        return [b"w" * size]
    if way == "/filed":
        return environ["wsgi.file_wrapper"](file_of(size), piece)  # type: ignore[no-any-return]
    pieces = pieces_of(size, piece)
    if way == "/iterated":
        return pieces
    for one in pieces:
        write(one)
    return []


def pieces_of(size: int, piece: int) -> Iterable[bytes]:
    """Bytes of the size, in pieces."""
    whole = b"p" * piece
    for left in range(size, 0, -piece):
        yield whole[:left]


def file_of(size: int) -> IO[bytes]:
    """A file of the size, which is gone once it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(bytes(size))
    file.seek(0)
    return file
