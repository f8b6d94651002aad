"""The WSGI application of these tests: each path keeps a request going in its own way."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]


def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Hand the request to the function that its path names."""
    return PATHS[environ["PATH_INFO"]](environ, start_response)


def quick(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer at once."""
    start(start_response)
    return [b"quick"]


def slow(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer when the client has sent the whole body."""
    print("slow begins", file=sys.stderr)
    environ["wsgi.input"].read()
    start(start_response)
    print("slow ends", file=sys.stderr)
    return [b"slow"]


def stream(environ: Environ, start_response: Start) -> Iterator[bytes]:
    """Begin an answer that never ends."""
    start(start_response)
    yield b"begun"
    threading.Event().wait()


def compute(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Stay in C code that never lets go of the interpreter."""
    print("compute begins", file=sys.stderr)
    sum(itertools.repeat(1, 10**13))
    return []


def start(start_response: Start) -> None:
    """The head of every answer here."""
    start_response("200 OK", [("Content-Type", "text/plain")])


PATHS = {f"/{function.__name__}": function for function in (quick, slow, stream, compute)}
