"""A WSGI application that forks by path: in its call, in its iterable, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.hostile.forks import WAYS, waited


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """``/fork/WHERE/WAY`` answers with the child's id, ``/wait/PID`` with its exit code."""
    _, action, *rest = environ["PATH_INFO"].split("/")
    start_response("200 OK", [])
    if action == "fork":
        where, way = rest
        if where == "later":
            return streamed(WAYS[way])
        if where == "thread":
            return [str(in_thread(WAYS[way])).encode()]
        return [str(WAYS[way]()).encode()]
    return [waited(int(rest[0]))] if action == "wait" else [b"served"]


def streamed(fork: Callable[[], int]) -> Iterator[bytes]:
    """Fork between two pieces."""
    yield b" "
    yield str(fork()).encode()


def in_thread(fork: Callable[[], int]) -> int:
    """Fork in a thread of the application's own."""
    pids: list[int] = []
    thread = threading.Thread(target=lambda: pids.append(fork()))
    thread.start()
    thread.join()
    return pids[0]
