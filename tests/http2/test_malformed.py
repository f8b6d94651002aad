"""A malformed request ends its stream alone; a broken connection ends with the code of RFC 9113."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import hpack
import pytest

from tests.kit.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Answer,
    Client,
    connect,
    frame,
)
from tests.kit.wire import Address, Wire

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 1, 3, 6, 9
WHOLE = END_HEADERS | END_STREAM
ACK, PADDED = 1, 8

Fields = list[tuple[bytes, bytes]]
USUAL: Fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a")]
REQUEST: Fields = [*USUAL, (b":path", b"/large?1")]

MALFORMED: dict[str, Fields] = {
    "a path above 127": [*USUAL, (b":path", b"/\xff")],
    "a path with a blank": [*USUAL, (b":path", b"/a b")],
    "a path with a fragment": [*USUAL, (b":path", b"/a#b")],
    "LF in a value": [*REQUEST, (b"x-a", b"b\nc")],
    "NUL in a value": [*REQUEST, (b"x-a", b"b\0c")],
    "a blank before a value": [*REQUEST, (b"x-a", b" b")],
    "a tab behind a value": [*REQUEST, (b"x-a", b"b\t")],
    "an upper-case name": [*REQUEST, (b"X-A", b"b")],
    "a name with a colon": [*REQUEST, (b"x:a", b"b")],
    "no name": [*REQUEST, (b"", b"b")],
    "an unknown pseudo-field": [*REQUEST, (b":unknown", b"b")],
    "a status": [(b":status", b"2000"), *REQUEST],
    "a method with a blank": [(b":method", b"G T"), *REQUEST[1:]],
    "a field of connections": [*REQUEST, (b"connection", b"close")],
}


def send(client: Client, block: bytes) -> int:
    """A request whose fields are ``block``."""
    stream: int = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream, [(":method", "GET")], end_stream=True)
    client.h2.clear_outbound_data_buffer()  # only the library believes that it was sent
    client.answers[stream] = Answer()
    client.wire.send(frame(HEADERS, block, flags=WHOLE, stream=stream))
    return stream


@pytest.mark.parametrize("kind", [hpack.HeaderTuple, hpack.NeverIndexedHeaderTuple])
def test_a_malformed_request_is_one_stream(each: Address, kind: type[hpack.HeaderTuple]) -> None:
    """RFC 9113 section 8.1.1: answers in flight come, and so do those to the next requests."""
    with connect(each) as client:
        other = client.ask("/slow")
        client.until_answered()
        encode = client.h2.encoder.encode
        for name, malformed in MALFORMED.items():
            for huffman in (True, False, True):  # the last time, it is in the table
                block = encode([kind(*field) for field in malformed], huffman=huffman)
                answer = client.finish(send(client, block))
                assert (answer.reset, answer.status) == (PROTOCOL_ERROR, 0), name
            good = client.finish(send(client, encode(REQUEST)))
            assert (good.status, bytes(good.body)) == (200, b"y"), name
        assert client.finish(other).body == b"done"
        assert client.goaway is None


def test_trailers_have_no_pseudo_fields(each: Address) -> None:
    """The stream ends; the request does not reach its end (RFC 9113 section 8.1)."""
    with connect(each) as client:
        stream = client.ask("/count", "POST", end=False)
        block = client.h2.encoder.encode([(b":path", b"/other")])
        client.wire.send(frame(HEADERS, block, flags=WHOLE, stream=stream))
        assert client.finish(stream).reset == PROTOCOL_ERROR
        assert client.get("/large?1").body == b"y"


def test_large_blocks_behind_a_malformed_one(each: Address) -> None:
    """Several frames of fields, for a connection whose blocks are written anew."""
    with connect(each) as client:
        encode = client.h2.encoder.encode
        assert client.finish(send(client, encode(MALFORMED["NUL in a value"]))).reset
        many = [(b"x-%d" % number, b"v" * 900) for number in range(30)]
        block = encode([*REQUEST, *many], huffman=False)
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, [(":method", "GET")], end_stream=True)
        client.h2.clear_outbound_data_buffer()
        client.answers[stream] = Answer()
        client.wire.send(frame(HEADERS, block[:16000], flags=END_STREAM, stream=stream))
        client.wire.send(frame(CONTINUATION, block[16000:], flags=END_HEADERS, stream=stream))
        assert client.finish(stream).body == b"y"


@pytest.mark.parametrize("malformed", [False, True], ids=["as they come", "written anew"])
def test_fields_arrive_as_they_were_sent(asgi: Address, malformed: bool) -> None:
    """Whatever is in the table, packed or not, and whether or not there was a malformed request."""
    draw = random.Random(9113)
    letters = "".join(map(chr, range(0x21, 0x7F)))
    with connect(asgi) as client:
        encode = client.h2.encoder.encode
        if malformed:
            assert client.finish(send(client, encode(MALFORMED["LF in a value"]))).reset
        for _ in range(200):
            fields = [
                (b"x-%d" % draw.randrange(40), "".join(draw.choices(letters, k=length)).encode())
                for length in draw.choices([0, 1, 5, 30, 200, 3000], k=draw.randrange(8))
            ]
            asked = [*USUAL, (b":path", b"/scope"), *fields]
            answer = client.finish(send(client, encode(asked, huffman=draw.random() < 0.5)))
            seen = json.loads(answer.body)["headers"]
            assert seen == str([(b"host", b"a"), *sorted(fields, key=_first_of(fields))])


def _first_of(fields: Fields) -> Callable[[tuple[bytes, bytes]], int]:
    """The h2 crate puts lines of one name together, where the first of them is."""
    names = [name for name, _ in fields]
    return lambda field: names.index(field[0])


HEAD = hpack.Encoder().encode(REQUEST)
BROKEN: dict[str, tuple[bytes, int]] = {
    "a short PING": (frame(PING, b"1234"), FRAME_SIZE_ERROR),
    "a long RST_STREAM": (frame(RST_STREAM, b"12345", stream=1), FRAME_SIZE_ERROR),
    "a short WINDOW_UPDATE": (frame(WINDOW_UPDATE, b"123"), FRAME_SIZE_ERROR),
    "a long PRIORITY": (frame(PRIORITY, b"123456", stream=1), FRAME_SIZE_ERROR),
    "an odd SETTINGS": (frame(SETTINGS, b"12345"), FRAME_SIZE_ERROR),
    "SETTINGS that acknowledge and set": (frame(SETTINGS, bytes(6), flags=ACK), FRAME_SIZE_ERROR),
    "a short GOAWAY": (frame(GOAWAY, b"1234"), FRAME_SIZE_ERROR),
    "a frame too long": (frame(DATA, bytes(16385), stream=1), FRAME_SIZE_ERROR),
    "HEADERS without their padding": (
        frame(HEADERS, b"", flags=WHOLE | PADDED, stream=1),
        FRAME_SIZE_ERROR,
    ),
    "more padding than HEADERS": (
        frame(HEADERS, b"\xff" + HEAD, flags=WHOLE | PADDED, stream=1),
        PROTOCOL_ERROR,
    ),
    "an initial window too large": (
        frame(SETTINGS, b"\0\4\xff\xff\xff\xff"),
        FLOW_CONTROL_ERROR,
    ),
    "a window too large": (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
    "an index of nothing": (frame(HEADERS, b"\xff\x7f", flags=WHOLE, stream=1), COMPRESSION_ERROR),
    "a block that is cut": (
        frame(HEADERS, HEAD + b"\x40\x7f", flags=WHOLE, stream=1),
        COMPRESSION_ERROR,
    ),
    "a table too large": (frame(HEADERS, b"\x3f\xff\xff\x01", flags=WHOLE, stream=1), 9),
    "padding of EOS": (frame(HEADERS, b"\x00\x81\xff\0", flags=WHOLE, stream=1), 9),
    "a block that is interrupted": (
        frame(HEADERS, HEAD, flags=0, stream=1) + frame(PING, b"12345678"),
        PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_connection_says_why(asgi: Address, name: str) -> None:
    """GOAWAY with the code of RFC 9113 sections 4.2, 4.3, 6.5 and 6.9."""
    sent, code = BROKEN[name]
    with Wire.connect(asgi) as wire:
        wire.send(PREFACE + frame(SETTINGS) + sent)
        assert goaway(wire.rest()) == code


@pytest.mark.parametrize("first", [frame(PING, b"12345678"), frame(SETTINGS, flags=ACK)])
def test_settings_come_first(asgi: Address, first: bytes) -> None:
    """RFC 9113 section 3.4; the server's own come before its GOAWAY."""
    with Wire.connect(asgi) as wire:
        wire.send(PREFACE + first)
        came = wire.rest()
        assert came[3] == SETTINGS
        assert goaway(came) == PROTOCOL_ERROR


def goaway(came: bytes) -> int | None:
    """The code of a GOAWAY among the frames."""
    while len(came) >= 9:
        size = 9 + int.from_bytes(came[:3])
        if came[3] == GOAWAY:
            return int.from_bytes(came[13:17])
        came = came[size:]
    return None
