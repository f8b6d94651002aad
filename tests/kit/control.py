"""A control server in a loop of its own, and raw clients for it."""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tricorn.cli.instances import ask
from tricorn.supervisor.control import ControlServer, Handler, Request

Connect = Callable[[], socket.socket]
"""Opens a raw connection to the control socket of the test."""

INSTANCE = {"pid": os.getpid(), "app": "main:app", "directory": "/"}


class Loop:
    """A supervisor's loop in a thread: it watches the server's one descriptor, and nothing else."""

    def __init__(self, server: ControlServer) -> None:
        self.server = server
        self.rounds = 0
        self._woken, self._wake = socket.socketpair()
        self._tasks: list[Callable[[], object]] = []
        self._running = True
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._selector as selector:
            selector.register(self.server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while self._running:
                for key, _ in selector.select(self.server.wait()):
                    if key.fileobj is self._woken:
                        self._woken.recv(100)
                while self._tasks:
                    self._tasks.pop(0)()
                self.server.poll()
                self.rounds += 1

    def do(self, task: Callable[[], object]) -> None:
        """Call something in the loop's thread."""
        self._tasks.append(task)
        self._wake.send(b"x")

    def stop(self) -> None:
        """End the thread and close the server."""
        self._running = False
        self.do(lambda: None)
        self._thread.join(10)
        self.server.close()
        self._woken.close()
        self._wake.close()


@contextmanager
def controlled(path: Path, handler: Handler) -> Iterator[Loop]:
    """A server at ``path`` whose loop runs until the block ends."""
    server = ControlServer.open(str(path), INSTANCE, handler)
    assert server is not None
    loop = Loop(server)
    try:
        yield loop
    finally:
        loop.stop()


def echo(request: Request) -> None:
    """The handler that answers with what it was asked."""
    request.finish(0, {"command": request.command, "options": dict(request.options)})


def rest(sock: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    with suppress(ConnectionResetError):
        while data := sock.recv(65536):
            parts.append(data)
    return b"".join(parts)


def answers(raw: bytes) -> list[dict[str, Any]]:
    """The answers of a connection."""
    return [json.loads(line) for line in raw.splitlines()]


def works(path: Path) -> bool:
    """Whether an honest client is served."""
    *_, last = ask(path, {"command": "status"}, 5)
    return last == {"done": True, "exit": 0, "data": {"command": "status", "options": {}}}
