"""A WSGI application behind wsgiref.validate that uses every part of the interface.

The path picks how: ``/read``, ``/readline``, ``/readlines``, ``/iterate`` echo the body by that
method of wsgi.input; ``/write``, ``/generator``, ``/late``, ``/again``, ``/file`` differ in
how they answer.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PLAIN = [("Content-Type", "text/plain")]


def read(source: Any) -> bytes:
    """The whole body, some bytes at a time."""
    return b"".join(iter(lambda: source.read(7), b""))


READERS: dict[str, Callable[[Any], bytes]] = {
    "/read": read,
    "/readline": lambda source: b"|".join(iter(source.readline, b"")),
    "/readline-7": lambda source: b"|".join(iter(lambda: source.readline(7), b"")),
    "/readlines": lambda source: b"|".join(source.readlines()),
    "/iterate": lambda source: b"|".join(source),
}


def write(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Through the write callable, then through the iterable."""
    send = start_response("200 OK", PLAIN)
    send(b"written ")
    send(b"and ")
    return [b"returned"]


def generator(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """In pieces without a length, one of them empty."""
    start_response("200 OK", PLAIN)
    return (piece for piece in (b"one ", b"", b"two ", b"three"))


def late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """start_response is called by the first step of a generator."""
    start_response("200 OK", PLAIN)
    yield b"late"


def again(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A second start_response with exc_info replaces the first."""
    start_response("200 OK", PLAIN)
    try:
        raise ValueError("on purpose")
    except ValueError:
        start_response("503 Service Unavailable", PLAIN, sys.exc_info())
    return [b"replaced"]


def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """This file through wsgi.file_wrapper."""
    start_response("200 OK", PLAIN)
    source = io.FileIO(Path(__file__))
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source, 512)
    return wrapped


ANSWERS = {f"/{each.__name__}": each for each in (write, generator, late, again, file)}


@validator
def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path; unknown ones echo the method."""
    path = environ["PATH_INFO"]
    if path in ANSWERS:
        return ANSWERS[path](environ, start_response)
    reader = READERS.get(path)
    body = reader(environ["wsgi.input"]) if reader else environ["REQUEST_METHOD"].encode()
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    status = "204 No Content" if path == "/204" else "200 OK"
    headers = [] if path == "/204" else [*PLAIN, ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [] if path == "/204" else [body]
