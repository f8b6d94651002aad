"""A WSGI application that hangs as the path says; ``/upload`` and the rest answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.process.hangs import CALLS, spin


def begin() -> Iterator[bytes]:
    """A body that does not end."""
    yield b"begun"
    spin()


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Hang, or answer with the process id."""
    path = environ["PATH_INFO"]
    if path == "/begin":
        start_response("200 OK", [])
        return begin()
    if path in CALLS or path == "/upload":
        print(f"in {path}", flush=True)
    if path == "/spoil":
        environ.clear()
        spin()
    if call := CALLS.get(path):
        call()
    if path == "/upload":
        while environ["wsgi.input"].read(65536):
            pass
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
