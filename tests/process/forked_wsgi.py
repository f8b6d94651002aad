"""The WSGI application of forked workers: answers with the worker's number, or holds on."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]

PIECE = bytes(64 * 1024)


def app(number: int) -> Callable[[Environ, Start], Iterable[bytes]]:
    """The application of worker ``number``."""

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/fail":
            raise RuntimeError("as asked")
        if path in ("/block", "/wait"):
            print("blocks", file=sys.stderr, flush=True)
            Path(os.environ["GATE"]).read_bytes()  # until somebody opens it to write
            print("goes on", file=sys.stderr, flush=True)
        if path == "/compute":
            sum(itertools.repeat(1, 10**13))  # never lets go of the interpreter
        if path.startswith("/slow"):
            environ["wsgi.input"].read()
        start_response("200 OK", [])
        return stream() if path == "/stream" else [str(number).encode()]

    return app


def stream() -> Iterator[bytes]:
    """Begin, and go on until the client leaves."""
    yield b"begun"
    yield from itertools.repeat(PIECE)
