"""A WSGI application that does what is allowed and seldom done, or not allowed at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
Start = Callable[..., Any]

GATE = threading.Event()
"""What a close() waits for; /open opens it."""
CLOSING: list[str] = []
"""Iterables whose close() has begun."""


class Loud(io.FileIO):
    """A file that gives something else than its descriptor has."""

    def read(self, size: int | None = -1, /) -> bytes:
        """In capitals."""
        return (super().read(size) or b"").upper()


class Clinging:
    """A large body whose close() waits."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x" * 65536] * 200)

    def close(self) -> None:
        """Waits for the gate, or for 30 seconds."""
        CLOSING.append("here")
        GATE.wait(30)


def app(environ: Environ, start: Start) -> Iterable[bytes]:
    """Answer by path."""
    name = environ["PATH_INFO"].removeprefix("/")
    answer: Iterable[bytes] = PATHS.get(name, hello)(environ, start)
    return answer


def hello(_environ: Environ, start: Start) -> Iterable[bytes]:
    """A usual answer."""
    start("200 OK", [])
    return [b"hello"]


def shown(environ: Environ, start: Start) -> Iterable[bytes]:
    """The environ, as far as it is JSON, and the process."""
    start("200 OK", [])
    shown = {key: value for key, value in environ.items() if isinstance(value, str | bool)}
    return [json.dumps({**shown, "pid": os.getpid()}).encode()]


def interned(environ: Environ, start: Start) -> Iterable[bytes]:
    """Which keys are the ones that CPython keeps, in some versions for ever."""
    start("200 OK", [])
    kept = {key: sys.intern("".join(list(key))) is key for key in environ if key[:5] == "HTTP_"}
    return [json.dumps(kept).encode()]


def wrapped(environ: Environ, start: Start, file: Any) -> Iterable[bytes]:
    """``file`` by way of the server."""
    start("200 OK", [])
    body: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return body


def zipped(environ: Environ, start: Start) -> Iterable[bytes]:
    """What is in a packed file."""
    return wrapped(environ, start, gzip.open(environ["QUERY_STRING"]))


def of_kernel(environ: Environ, start: Start) -> Iterable[bytes]:
    """A file that says it is empty."""
    return wrapped(environ, start, Path("/proc/self/status").open("rb"))


def loud(environ: Environ, start: Start) -> Iterable[bytes]:
    """A file with another read()."""
    return wrapped(environ, start, Loud(environ["QUERY_STRING"]))


def rest(environ: Environ, start: Start) -> Iterable[bytes]:
    """A file of which ten bytes are read."""
    file = Path(environ["QUERY_STRING"]).open("rb")  # noqa: SIM115 - the server closes it
    file.read(10)
    return wrapped(environ, start, file)


def clinging(_environ: Environ, start: Start) -> Iterable[bytes]:
    """More than a client takes, and an end that waits."""
    start("200 OK", [])
    return Clinging()


def closing(_environ: Environ, start: Start) -> Iterable[bytes]:
    """How many ends have begun."""
    start("200 OK", [])
    return [str(len(CLOSING)).encode()]


def opened(environ: Environ, start: Start) -> Iterable[bytes]:
    """Let them go on."""
    GATE.set()
    return hello(environ, start)


def swallowed(_environ: Environ, start: Start) -> Iterable[bytes]:
    """write() after a start_response() that has failed."""
    write = start("200 OK", [])
    try:
        raise ValueError("for exc_info")
    except ValueError:
        try:
            start("200 OK", [("wrong name", "")], sys.exc_info())
        except ValueError:
            write(b"body")
    return []


def panics(environ: Environ, start: Start) -> Iterable[bytes]:
    """A panic of the server's core in the middle of a call, after a time that blocks."""
    time.sleep(float(environ["QUERY_STRING"]))
    kinds = [kind for kind in BaseException.__subclasses__() if kind.__name__ == "PanicException"]
    assert kinds, "the core has not made its kind of exception yet"
    raise kinds[0]("on purpose, by a test")


def early(_environ: Environ, start: Start) -> Iterable[bytes]:
    """A refusal without a look at the body."""
    start("413 Content Too Large", [("Content-Length", "9")])
    return [b"too large"]


PATHS: dict[str, Callable[[Environ, Start], Iterable[bytes]]] = {
    "shown": shown,
    "interned": interned,
    "zipped": zipped,
    "kernel": of_kernel,
    "loud": loud,
    "rest": rest,
    "clinging": clinging,
    "closing": closing,
    "opened": opened,
    "swallowed": swallowed,
    "panics": panics,
    "early": early,
}
