"""The rules of frames, as bytes: what is echoed, and with which code a connection is failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.kit.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from tests.kit.wire import byte_by_byte
from tests.websocket.conftest import Connect

LIMIT = 100 * 1024
BIG = bytes(range(256)) * 400

FINE: dict[str, tuple[list[bytes], list[Frame]]] = {
    "text": ([frame(TEXT, b"hello")], [Frame(TEXT, b"hello")]),
    "empty": ([frame(TEXT), frame(BINARY)], [Frame(TEXT, b""), Frame(BINARY, b"")]),
    "binary of the largest size": ([frame(BINARY, BIG)], [Frame(BINARY, BIG)]),
    "126 bytes": ([frame(BINARY, BIG[:126])], [Frame(BINARY, BIG[:126])]),
    "65535 bytes": ([frame(BINARY, BIG[:65535])], [Frame(BINARY, BIG[:65535])]),
    "a mask of zeros": ([frame(TEXT, b"x", mask=bytes(4))], [Frame(TEXT, b"x")]),
    "fragments": (
        [frame(TEXT, b"a", bits=0), frame(CONTINUATION, bits=0), frame(CONTINUATION, b"b")],
        [Frame(TEXT, b"ab")],
    ),
    "a character in two fragments": (
        [frame(TEXT, b"\xc3", bits=0), frame(CONTINUATION, b"\xa9")],
        [Frame(TEXT, "é".encode())],
    ),
    "a ping between fragments": (
        [frame(TEXT, b"a", bits=0), frame(PING, b"?"), frame(CONTINUATION, b"b")],
        [Frame(PONG, b"?"), Frame(TEXT, b"ab")],
    ),
    "pings and pongs": (
        [frame(PING, BIG[:125]), frame(PONG, b"unasked"), frame(PING)],
        [Frame(PONG, BIG[:125]), Frame(PONG, b"")],
    ),
}

FAILED: dict[str, tuple[list[bytes], int]] = {
    "no mask": ([frame(TEXT, b"x", mask=b"")], 1002),
    "a reserved bit": ([frame(TEXT, b"x", bits=0x90)], 1002),
    "compressed without agreement": ([frame(TEXT, b"x", bits=0x80 | RSV1)], 1002),
    "an unknown opcode": ([frame(3, b"x")], 1002),
    "an unknown control opcode": ([frame(11)], 1002),
    "a fragmented ping": ([frame(PING, bits=0)], 1002),
    "a long ping": ([frame(PING, BIG[:126])], 1002),
    "a continuation of nothing": ([frame(CONTINUATION, b"x")], 1002),
    "a message in a message": ([frame(TEXT, b"x", bits=0), frame(TEXT, b"y")], 1002),
    "a length that is not minimal": ([b"\x82\xfe\x00\x05aaaahello"], 1002),
    "a long length that is not minimal": ([b"\x82\xff" + bytes(6) + b"\xff\xffmask"], 1002),
    "a length beyond 63 bits": ([b"\x82\xff" + b"\xff" * 8 + b"mask"], 1002),
    "text that is not UTF-8": ([frame(TEXT, b"a\xff")], 1007),
    "a surrogate": ([frame(TEXT, b"\xed\xa0\x80")], 1007),
    "text that ends in a character": ([frame(TEXT, b"\xc3")], 1007),
    "bad text, before it ends": ([frame(TEXT, b"\xff" + bytes(1000))[:20]], 1007),
    "bad text in a fragment": (
        [frame(TEXT, b"\xc3", bits=0), frame(CONTINUATION, b"\xc3", bits=0)],
        1007,
    ),
    "a message that is too large": ([frame(BINARY, bytes(LIMIT + 1))[:20]], 1009),
    "fragments that are too large": (
        [frame(BINARY, bytes(LIMIT), bits=0), frame(CONTINUATION, b"x")],
        1009,
    ),
    "half a close code": ([frame(CLOSE, b"\x03")], 1002),
    "a close code that is never sent": ([close_frame(1006)], 1002),
    "an unknown close code": ([close_frame(2999)], 1002),
    "a close reason that is not UTF-8": ([close_frame(1000, b"\xff")], 1007),
}

WAYS: dict[str, Callable[[bytes], Iterable[bytes]]] = {
    "whole": lambda data: [data],
    "byte by byte": byte_by_byte,
}
ways = pytest.mark.parametrize("cut", WAYS.values(), ids=WAYS)


@ways
@pytest.mark.parametrize(("sent", "expected"), FINE.values(), ids=FINE)
def test_fine(
    connect: Connect,
    cut: Callable[[bytes], Iterable[bytes]],
    sent: list[bytes],
    expected: list[Frame],
) -> None:
    client = connect()
    client.wire.send_pieces(cut(b"".join(sent)))
    assert [client.read() for _ in expected] == expected
    assert client.ask("still there") == "still there"


@ways
@pytest.mark.parametrize(("sent", "code"), FAILED.values(), ids=FAILED)
def test_failed(
    connect: Connect, cut: Callable[[bytes], Iterable[bytes]], sent: list[bytes], code: int
) -> None:
    client = connect()
    client.wire.send_pieces(cut(b"".join(sent)))
    client.closed(code)


def test_what_came_before_a_broken_rule_is_answered(connect: Connect) -> None:
    client = connect()
    client.send(frame(TEXT, b"one"), frame(TEXT, b"two"), frame(3))
    assert [client.read().body for _ in range(2)] == [b"one", b"two"]
    client.closed(1002)
