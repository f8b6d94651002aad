"""A WSGI application that answers with objects that bite, by path."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.biting import LARGE, Buffers, Liar, Mourned, failing

gc.set_threshold(10)


class Text(str):
    """A text with an opinion of its own."""

    def __str__(self) -> str:
        raise RuntimeError("not to be asked")

    __len__ = None  # type: ignore[assignment]


class Cycle:
    """Garbage whose end lets other threads run, until the collector comes."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


def surrogates(start_response: Any) -> list[bytes]:
    """Fields that can't be encoded, again and again, while the collector is at work."""
    fields = [("x-a", "\udc80")] * 3
    for _ in range(100):
        gc.disable()
        garbage = [Cycle() for _ in range(20)]
        del garbage
        try:
            gc.enable()  # the next object is reason enough: an exception
            start_response("200 OK", fields)
        except ValueError:
            continue
    start_response("200 OK", [])
    return [b"served"]


class Closing:
    """An iterable whose end fails."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"served"

    def close(self) -> None:
        """Fail."""
        raise RuntimeError("close has failed")


def written(write: Callable[[bytes], object]) -> list[bytes]:
    """A body that was written."""
    write(Liar(b"ser"))
    write(Mourned(b"v" * LARGE))
    return [b"ed"]


PATHS: dict[str, Callable[[Any], Any]] = {
    "/mourned": lambda write: [Mourned(b"m" * LARGE)],
    "/mourned-pieces": lambda write: (Mourned(b"m" * LARGE) for _ in range(2)),
    "/liar": lambda write: [Liar(b"true")],
    "/liars": lambda write: [Liar(b"tr"), Liar(b"ue")],
    "/list": lambda write: Buffers([b"not this"]),
    "/failing": lambda write: failing(b"begun"),
    "/failing-at-once": lambda write: failing(),
    "/closing": lambda write: Closing(),
    "/written": written,
    "/text": lambda write: ["text"],
    "/number": lambda write: 7,
}


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """By path."""
    path = environ["PATH_INFO"]
    if path == "/surrogates":
        return surrogates(start_response)
    fields: Any = [(Text("x-a"), Text("1"))] if path == "/fields" else []
    if path == "/tuple":
        fields = (("x-a", "1"),)
    write = start_response("200 OK", fields)
    return PATHS[path](write) if path in PATHS else [b"served"]
