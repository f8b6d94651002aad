"""The WSGI application of the hostile tests: slow, large, endless and counted answers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile import census_asgi
from tests.hostile.tally import PIECE, Counted, as_json, counted, objects

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

GATE = threading.Event()
"""What /block waits for; /release opens it."""


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path: the functions below that are named after it."""
    route = ROUTES.get(environ["PATH_INFO"].split("/")[1], hello)
    return route(environ, start_response)


def reply(start_response: StartResponse, body: bytes, *fields: tuple[str, str]) -> Iterable[bytes]:
    """A whole 200 response."""
    start_response("200 OK", [("Content-Type", "text/plain"), *fields])
    return [body]


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The path as it came; /slow... takes 20 ms of blocking first."""
    if environ["PATH_INFO"].startswith("/slow"):
        time.sleep(0.02)
    return reply(start_response, environ["PATH_INFO"].encode())


def census(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What is alive in this process, as JSON."""
    return reply(start_response, as_json(tasks=0, objects=objects(), **counted()))


def large(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """8 MiB at once."""
    start_response("200 OK", [])
    return Counted(iter([PIECE * 128]))


def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """16 MiB in pieces."""
    start_response("200 OK", [])
    return Counted(itertools.repeat(PIECE, 256))


def endless(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Small pieces until the client has gone."""
    start_response("200 OK", [])
    return Counted(itertools.repeat(b"x" * 4096))


def fails(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """An iterable that raises after as many pieces as the path ends with."""
    start_response("200 OK", [])
    after = int(environ["PATH_INFO"].rpartition("/")[2])
    return Counted(itertools.repeat(b"piece", 10), fails_after=after)


def writes(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """4 MiB through the write() callable, then an iterable with the end."""
    write = start_response("200 OK", [])
    for _ in range(64):
        write(PIECE)
    return Counted(iter([b"end"]))


def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """This very file through wsgi.file_wrapper."""
    start_response("200 OK", [])
    opened = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](opened, 512)
    return wrapped


def upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The number of bytes in the body, read piece by piece."""
    pieces = iter(lambda: environ["wsgi.input"].read(65536), b"")
    return reply(start_response, str(sum(map(len, pieces))).encode())


def block(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """No answer until /release is asked for, or for 30 seconds."""
    GATE.wait(30)
    return reply(start_response, b"released")


def release(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Let every /block go on."""
    GATE.set()
    return reply(start_response, b"released")


def exits(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise what ends a program."""
    raise {"/raise/keyboard": KeyboardInterrupt, "/raise/exit": SystemExit}[environ["PATH_INFO"]]


def child(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Start a child that outlives this request, in the way the path names; its process id."""
    started = census_asgi.START[environ["PATH_INFO"].rpartition("/")[2]]()
    return reply(start_response, str(started).encode(), ("Connection", "close"))


Route = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]
ROUTES: dict[str, Route] = {
    "census": census,
    "large": large,
    "stream": stream,
    "endless": endless,
    "fails": fails,
    "writes": writes,
    "file": file,
    "upload": upload,
    "block": block,
    "release": release,
    "raise": exits,
    "child": child,
}
