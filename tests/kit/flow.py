"""A client of HTTP/2 that only counts: windows of any size, fast enough for large downloads."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import hpack

from tests.kit.http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)
from tests.kit.wire import Wire

ACK = 1
DEFAULT = 65535
"""The window that a connection begins with, in bytes (RFC 9113 section 6.9.2)."""
INITIAL_WINDOW_SIZE = 4


@dataclass(frozen=True, slots=True)
class Windows:
    """What a client lets its server send, and when it says so."""

    stream: int = DEFAULT
    """Bytes for each stream."""
    connection: int = DEFAULT
    """Bytes for all of them, at least DEFAULT: it can't be made smaller."""
    lazy: bool = False
    """New room is given when the old is used up, not with every read."""
    pause: float = 0.0
    """Seconds without a read, once a tenth of the first answer is there."""


class Downloads:
    """Requests of one connection, asked at once, and what has come of each."""

    def __init__(self, wire: Wire, paths: list[str], windows: Windows) -> None:
        self.wire = wire
        self.windows = windows
        self.streams = [1 + 2 * number for number in range(len(paths))]
        self.got: Counter[int] = Counter()
        """Bytes of body by stream."""
        self.ended: set[int] = set()
        self.left = {0: windows.connection, **dict.fromkeys(self.streams, windows.stream)}
        """Room that the server has; 0 is the connection's."""
        self._buffer = bytearray()
        self._out = bytearray(PREFACE + self._settings())
        encoder = hpack.Encoder()
        for stream, path in zip(self.streams, paths, strict=True):
            fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
            block = encoder.encode(fields)
            self._out += frame(HEADERS, block, flags=END_HEADERS | END_STREAM, stream=stream)

    def _settings(self) -> bytes:
        initial = INITIAL_WINDOW_SIZE.to_bytes(2) + self.windows.stream.to_bytes(4)
        more = self.windows.connection - DEFAULT
        return frame(SETTINGS, initial) + (update(0, more) if more else b"")

    def finish(self, sizes: list[int]) -> None:
        """Read all bodies; AssertionError if one is not as long as ``sizes`` says, or if nothing
        comes for as long as the socket waits, although there is room."""
        pause = self.windows.pause
        while len(self.ended) < len(self.streams):
            self._send()
            try:
                came = self.wire.sock.recv(1 << 18)
            except TimeoutError:
                raise AssertionError(f"nothing comes although there is room: {self!r}") from None
            assert came, f"the server has closed: {self!r}"
            self._buffer += came
            self._take_frames()
            self._give_room()
            if pause and self.got[1] * 10 >= sizes[0]:
                self._send()
                time.sleep(pause)  # what this client does, not what it waits for
                pause = 0
        assert [self.got[stream] for stream in self.streams] == sizes

    def _send(self) -> None:
        if self._out:
            self.wire.send(bytes(self._out))
            self._out.clear()

    def _take_frames(self) -> None:
        at, came = 0, self._buffer
        while len(came) - at >= 9:
            size = int.from_bytes(came[at : at + 3])
            if len(came) - at < 9 + size:
                break
            kind, flags = came[at + 3], came[at + 4]
            stream = int.from_bytes(came[at + 5 : at + 9])
            self._take(kind, flags, stream, size, came[at + 9 : at + 9 + min(size, 64)])
            at += 9 + size
        del came[:at]

    def _take(self, kind: int, flags: int, stream: int, size: int, start: bytearray) -> None:
        assert kind not in (RST_STREAM, GOAWAY), f"frame {kind} ({start.hex()}): {self!r}"
        if kind == DATA:
            self.got[stream] += size
            self.left[stream] -= size
            self.left[0] -= size
            assert self.left[stream] >= 0 <= self.left[0], f"more than there was room for: {self!r}"
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self._out += frame(kind, bytes(start) if kind == PING else b"", flags=ACK)
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)

    def _give_room(self) -> None:
        for stream, left in self.left.items():
            most = self.windows.stream if stream else self.windows.connection
            if stream not in self.ended and left < (1 if self.windows.lazy else most):
                self._out += update(stream, most - left)
                self.left[stream] = most

    def __repr__(self) -> str:
        streams = {
            stream: (self.got[stream], self.left[stream])
            for stream in self.streams
            if stream not in self.ended
        }
        return f"{self.left[0]} of the connection, (bytes, room) by stream {streams}"


def update(stream: int, more: int) -> bytes:
    """A frame that gives room."""
    return frame(WINDOW_UPDATE, more.to_bytes(4), stream=stream)


def download(wire: Wire, paths: list[str], sizes: list[int], windows: Windows) -> None:
    """Ask for all ``paths`` at once on a new connection, and check that all of ``sizes`` comes.

    Bytes have to move within the deadline of ``wire`` whenever there is room for them.
    """
    with wire:
        Downloads(wire, paths, windows).finish(sizes)
