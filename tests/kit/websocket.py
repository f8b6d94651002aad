"""A WebSocket client of raw frames (RFC 6455): says anything, and reads strictly."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from dataclasses import dataclass

from tests.kit.response import Response, read_response
from tests.kit.wire import Wire

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1 = 0x80, 0x40
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the server. ``code`` is that of a close frame."""

    opcode: int
    body: bytes
    is_compressed: bool = False

    @property
    def code(self) -> int | None:
        """The code of a close frame; None if it has none."""
        return int.from_bytes(self.body[:2]) if self.body else None


def handshake(path: str = "/echo", *more: str, without: str = "") -> bytes:
    """A request for a WebSocket, with ``more`` fields and without the one that is named."""
    fields = [
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    kept = [field for field in fields if not without or not field.startswith(without + ":")]
    return "\r\n".join([f"GET {path} HTTP/1.1", *kept, *more, "", ""]).encode()


def accept_of(key: str) -> str:
    """``Sec-WebSocket-Accept`` for a key (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def frame(opcode: int, body: bytes = b"", *, bits: int = FIN, mask: bytes | None = None) -> bytes:
    """A frame as a client sends it; an empty ``mask`` leaves it unmasked, against the rules."""
    mask = os.urandom(4) if mask is None else mask
    masked = 0x80 if mask else 0
    if len(body) < 126:
        head = bytes([bits | opcode, masked | len(body)])
    elif len(body) < 1 << 16:
        head = bytes([bits | opcode, masked | 126]) + struct.pack("!H", len(body))
    else:
        head = bytes([bits | opcode, masked | 127]) + struct.pack("!Q", len(body))
    return head + mask + (apply_mask(body, mask) if mask else body)


def apply_mask(body: bytes, mask: bytes) -> bytes:
    """Put a mask on, or take it off."""
    if not body:
        return b""
    keys = (mask * (len(body) // 4 + 1))[: len(body)]
    return (int.from_bytes(body) ^ int.from_bytes(keys)).to_bytes(len(body))


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    """A close frame of a client."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2) + reason)


class Client:
    """A WebSocket over a wire: after the handshake, frames."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.response: Response | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.wire.close()

    def open(self, path: str = "/echo", *fields: str) -> Client:
        """Shake hands; AssertionError if the server does not accept."""
        self.wire.send(handshake(path, *fields))
        self.response = read_response(self.wire.incoming, "GET")
        assert self.response.status == 101, self.response
        assert self.response.header("sec-websocket-accept") == accept_of(KEY)
        return self

    def send(self, *frames: bytes) -> None:
        """Send frames, or anything, in one piece."""
        self.wire.send(b"".join(frames))

    def text(self, text: str) -> None:
        """Send a message."""
        self.send(frame(TEXT, text.encode()))

    def read(self) -> Frame:
        """Read one frame; AssertionError if a server may not send such a one."""
        first, second = self.wire.incoming.exactly(2)
        assert first & 0xB0 == FIN, "a fragment, or reserved bits"
        assert second < 0x80, "a server's frame with a mask"
        size = second
        if second == 126:
            (size,) = struct.unpack("!H", self.wire.incoming.exactly(2))
            assert size >= 126
        elif second == 127:
            (size,) = struct.unpack("!Q", self.wire.incoming.exactly(8))
            assert size >= 1 << 16
        body = self.wire.incoming.exactly(size)
        assert first & 0xF in (TEXT, BINARY) or size <= 125
        return Frame(first & 0xF, body, bool(first & RSV1))

    def ask(self, text: str) -> str:
        """Send a message and read the one that answers."""
        self.text(text)
        answer = self.read()
        assert answer.opcode == TEXT, answer
        return answer.body.decode()

    def closed(self, code: int | None) -> Frame:
        """Read a close frame with ``code``, answer it, and see the server close."""
        close = self.read()
        assert (close.opcode, close.code) == (CLOSE, code), close
        self.send(frame(CLOSE, close.body[:2]))
        assert self.wire.ended()
        return close
