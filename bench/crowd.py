"""A client for many WebSockets: echoes or broadcasts for so long; figures as a line of JSON.

One process and plain sockets: what it has to send is made once, and what comes is compared whole,
so that it needs a third of the time that the fastest server takes for the same messages.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
from dataclasses import dataclass, field
from time import perf_counter

from client import TIMEOUT, AnswerError

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)


def head(size: int, masked: bool) -> bytes:
    """The head of a frame with a whole binary message (RFC 6455, section 5.2); a mask of zeros."""
    bit = 0x80 if masked else 0
    if size < 126:
        return bytes([0x82, bit | size]) + bytes(4 * masked)
    return bytes([0x82, bit | 126]) + size.to_bytes(2) + bytes(4 * masked)


def connect(port: int, extensions: bytes = b"") -> socket.socket:
    """An open WebSocket; `extensions` is a header line.

    Raises:
        AnswerError: the server does not open it.
    """
    client = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(HANDSHAKE % extensions)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        more = client.recv(4096)
        if not more or not b"HTTP/1.1 101".startswith((answer + more)[:12]):
            raise AnswerError(f"no WebSocket: {(answer + more)[:80]!r}")
        answer += more
    return client


@dataclass(slots=True)
class Crowd:
    """Open WebSockets that all get the same message."""

    clients: dict[int, socket.socket]
    size: int
    poll: select.epoll = field(default_factory=select.epoll)
    partial: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def open(cls, port: int, count: int, size: int) -> Crowd:
        """So many."""
        sockets = [connect(port) for _ in range(count)]
        crowd = cls({client.fileno(): client for client in sockets}, size)
        for number in crowd.clients:
            crowd.poll.register(number, select.EPOLLIN)
        return crowd

    def arrivals(self) -> list[int]:
        """Waits for messages; the numbers of the clients that have theirs now.

        Raises:
            AnswerError: another message, an end, or nothing for a long time.
        """
        expected = head(self.size, masked=False) + bytes(self.size)
        arrived = []
        for number, _ in self.poll.poll(TIMEOUT):
            got = self.clients[number].recv(65536)
            if got != expected:
                if not got:
                    raise AnswerError("the server closed")
                got = self.partial.pop(number, b"") + got
                if not expected.startswith(got):
                    raise AnswerError(f"an unexpected frame: {got[:80]!r}")
                if got != expected:
                    self.partial[number] = got
                    continue
            arrived.append(number)
        if not arrived and not self.partial:
            raise AnswerError("the server does not answer")
        return arrived


def echo(crowd: Crowd, seconds: float) -> list[float]:
    """Every client sends its next message when it has the last one back; their times in seconds."""
    frame = head(crowd.size, masked=True) + bytes(crowd.size)
    now = perf_counter()
    end, times = now + seconds, []
    sent = dict.fromkeys(crowd.clients, now)
    for client in crowd.clients.values():
        client.sendall(frame)
    waiting = len(sent)
    while waiting:
        for number in crowd.arrivals():
            now = perf_counter()
            times.append(now - sent[number])
            if now < end:
                sent[number] = now
                crowd.clients[number].send(frame)
            else:
                waiting -= 1
    return times


def broadcast(crowd: Crowd, seconds: float) -> list[float]:
    """The first client's messages go to all, one after the other; when each arrived, in seconds."""
    frame = head(crowd.size, masked=True) + bytes(crowd.size)
    first = next(iter(crowd.clients.values()))
    end, times = perf_counter() + seconds, []
    while (begin := perf_counter()) < end:
        first.sendall(frame)
        waiting = len(crowd.clients)
        while waiting:
            arrived = len(crowd.arrivals())
            waiting -= arrived
            times += [perf_counter() - begin] * arrived
    return times


def main() -> None:
    """Runs what the command line names and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=("echo", "broadcast"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--size", type=int, required=True, help="bytes of a message")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    try:
        crowd = Crowd.open(options.port, options.connections, options.size)
        begin = perf_counter()
        times = {"echo": echo, "broadcast": broadcast}[options.scenario](crowd, options.seconds)
    except (AnswerError, OSError) as error:
        sys.exit(f"{error or type(error).__name__}")
    taken = perf_counter() - begin
    times.sort()
    p50, p99 = times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6
    figures = {"requests": len(times), "seconds": taken, "p50": p50, "p99": p99, "errors": {}}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
