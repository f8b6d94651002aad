"""Clients that never stop asking, and count every request that did not get its answer."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.kit.response import Incoming, read_response
from tests.kit.wire import Address

REQUEST = b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n"
LAST = b"GET /version HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@dataclass
class Tally:
    """What happened to the requests of all clients."""

    answered: int = 0
    told_to_close: int = 0
    versions: Counter[bytes] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Load:
    """``with Load(address, keeping=10, fresh=10) as load``: clients in threads of their own.

    ``keeping`` clients keep their connection until a response says close; ``fresh`` ones make a
    connection for each request.
    """

    def __init__(self, address: Address, keeping: int, fresh: int) -> None:
        assert isinstance(address, tuple)
        self._address = address
        self._ended = threading.Event()
        self._tallies = [Tally() for _ in range(keeping + fresh)]
        self._threads = [
            threading.Thread(target=self._client, args=(tally, number < keeping))
            for number, tally in enumerate(self._tallies)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def answered(self) -> int:
        """Requests answered so far."""
        return sum(tally.answered for tally in self._tallies)

    def tally(self) -> Tally:
        """The sum of all clients."""
        total = Tally()
        for one in self._tallies:
            total.answered += one.answered
            total.told_to_close += one.told_to_close
            total.versions += one.versions
            total.failures += one.failures
        return total

    def _client(self, tally: Tally, keeps: bool) -> None:
        while not self._ended.is_set():
            try:
                with socket.create_connection(self._address, timeout=30) as sock:
                    self._ask(sock, tally, keeps)
            except Exception as error:
                tally.failures.append(f"{type(error).__name__}: {error}")
                if len(tally.failures) > 100:
                    return

    def _ask(self, sock: socket.socket, tally: Tally, keeps: bool) -> None:
        """Requests on one connection, as long as the server keeps it."""
        incoming = Incoming(lambda: sock.recv(1 << 16))
        while True:
            last = not keeps or self._ended.is_set()
            sock.sendall(LAST if last else REQUEST)
            response = read_response(incoming, "GET")
            assert response.status == 200, response.status
            tally.answered += 1
            tally.versions[response.body] += 1
            if response.says("close"):
                tally.told_to_close += not last
                return
            assert not last
