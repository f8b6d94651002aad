"""Clients that never stop asking, check each answer, and note each request that has none."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.kit.response import Incoming, read_response
from tests.kit.wire import Address

PATIENCE = 60.0
"""Seconds that a client waits for anything."""


@dataclass(frozen=True)
class Failure:
    """A request without its answer: its path, the client's port (0: not connected), why, and when.

    ``when`` is a time of ``time.monotonic``.
    """

    path: str
    port: int
    why: str
    when: float = field(default_factory=time.monotonic)


@dataclass
class Tally:
    """What happened to the requests of all clients."""

    answered: int = 0
    connections: int = 0
    told_to_close: int = 0
    longest: float = 0.0
    """Seconds that the slowest answer took."""
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


class Load:
    """``with Load(address, keeping=10, fresh=10) as load``: clients in threads of their own.

    ``keeping`` clients keep their connection until a response says close; ``fresh`` ones make a
    connection for each request. Every request has a path of its own, which its answer must repeat.
    """

    def __init__(self, address: Address, keeping: int, fresh: int) -> None:
        assert isinstance(address, tuple)
        self._address = address
        self._ended = threading.Event()
        self._tallies = [Tally() for _ in range(keeping + fresh)]
        self._threads = [
            threading.Thread(target=_Client(self, number, tally, number < keeping).run)
            for number, tally in enumerate(self._tallies)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    @property
    def answered(self) -> int:
        """Requests answered so far."""
        return sum(tally.answered for tally in self._tallies)

    @property
    def ended(self) -> bool:
        """Whether no more requests are wanted."""
        return self._ended.is_set()

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(self._address, timeout=PATIENCE)

    def tally(self) -> Tally:
        """The sum of all clients."""
        total = Tally()
        for one in self._tallies:
            total.answered += one.answered
            total.connections += one.connections
            total.told_to_close += one.told_to_close
            total.longest = max(total.longest, one.longest)
            total.versions += one.versions
            total.failures += one.failures
        return total


class _Client:
    """One of the clients: a thread, at most one connection, at most one request at a time."""

    def __init__(self, load: Load, number: int, tally: Tally, keeps: bool) -> None:
        self._load = load
        self._paths = (f"/version/{number}-{turn}" for turn in itertools.count())
        self._tally = tally
        self._keeps = keeps
        self._path = ""
        self._port = 0

    def run(self) -> None:
        """Ask until the load ends."""
        while not self._load.ended and len(self._tally.failures) < 1000:
            self._path, self._port = "", 0
            try:
                with self._load.connect() as sock:
                    self._port = sock.getsockname()[1]
                    self._tally.connections += 1
                    self._ask(sock)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                self._tally.failures.append(Failure(self._path, self._port, why))

    def _ask(self, sock: socket.socket) -> None:
        """Requests on one connection, as long as the server keeps it."""
        incoming = Incoming(lambda: sock.recv(1 << 16))
        while True:
            last = not self._keeps or self._load.ended
            self._path = next(self._paths)
            close = "Connection: close\r\n" if last else ""
            begin = time.monotonic()
            sock.sendall(f"GET {self._path} HTTP/1.1\r\nHost: test\r\n{close}\r\n".encode())
            response = read_response(incoming, "GET")
            assert response.status == 200, response.status
            version, _, path = response.body.decode().rpartition(" ")
            assert path == self._path, f"the answer is that of {path}"
            self._tally.longest = max(self._tally.longest, time.monotonic() - begin)
            self._tally.answered += 1
            self._tally.versions[version] += 1
            if response.says("close"):
                self._tally.told_to_close += not last
                return
            assert not last
