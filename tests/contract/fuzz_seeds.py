"""Write the contract table as seeds for the fuzzer: ``python -m tests.contract.fuzz_seeds DIR``.

A seed begins with the control byte that crates/wire/fuzz/src/lib.rs describes; here it says
"default limits, no cuts".
"""

from __future__ import annotations

import sys
from hashlib import sha1
from pathlib import Path

from tests.contract.case import Case
from tests.contract.table import TABLE

PLAIN, SMALL_LIMITS = b"\x00", b"\x02"
RESPONSES = (
    b"\x00\xc8\xffOK\xffContent-Length\xff5\xffDate\xffnow\xff",
    b"\x00\xcc\xff\xffTransfer-Encoding\xffchunked\xffConnection\xffx, close\xff",
    b"\x01\x30\xffNot Modified\xffcontent-length\xff9\xffContent-Length\xff9\xff",
    b"\x01\xf4\xffa\r\nb\xffX: y\xffz\xffX\xffa\r\nb\xff",
)
"""Status, phrase, names and values as the target ``response`` takes them."""

_V4 = b"\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"
_TLS = b"\x20\x00\x0f\x03\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
PROXIES = (
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET",
    b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1e" + _V4 + _TLS,
    b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00GET",
)
"""Headers of the PROXY protocol."""

FORWARDED = (
    b"\x00192.0.2.9, [2001:db8::1]:80, 10.0.0.1\xff\x01http, https\xff\x02example.org:1\xff",
    b"\x03443\xff\x04/app\xff\x06on\xff\x00unknown, _x, ::1",
    b'\x05for="[2001:db8::1]:80";proto=https;host="a\\.b", for=_x;by=y',
)
"""Fields as the target ``forwarded`` takes them: the first byte chooses a name."""

FRAMES = (
    b"\x81\x85\0\0\0\0hello\x89\x80\0\0\0\0\x88\x82\0\0\0\0\x03\xe8",
    b"\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0\xa9",
    b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0\xc1\x85\0\0\0\0\xf2\0\x11\0\0",
    b"\x82\xfe\0\x7e\0\0\0\0" + bytes(126),
)
"""Frames of a client, with masks of zeros."""


_GET = b"\x82\x84\x86\x41\x01a"
_POST = b"\x83\x84\x86\x41\x01a"
STREAMS = (
    b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\x06\x01\x05\0\0\0\x01" + _GET,
    b"\0\0\x06\x01\x04\0\0\0\x01" + _POST + b"\0\0\x02\0\x01\0\0\0\x01ab",
    b"\0\0\x06\x01\x05\0\0\0\x01" + _GET + b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
    b"\0\0\x03\x01\x01\0\0\0\x01\x82\x84\x86\0\0\x03\x09\x04\0\0\0\x01\x41\x01a",
    b"\0\0\x08\x06\0\0\0\0\0abcdefgh\0\0\x04\x08\0\0\0\0\0\0\0\0\x01",
    b"\0\0\x06\x10\0\0\0\0\0\0\0\0\x01u=\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",
)
"""Frames of HTTP/2 as they follow a client's greeting."""


def seeds(case: Case) -> dict[str, bytes]:
    """The bytes of one row: all of them for the head, those after the head for the chunks."""
    body = case.sent.partition(b"\r\n\r\n")[2]
    return {"head": case.sent} | ({"chunked": body} if body else {})


def write(place: Path, data: bytes) -> None:
    """Write one seed under the name of its content, as the fuzzer itself does."""
    place.mkdir(parents=True, exist_ok=True)
    (place / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def main(place: Path, most: int = 1024) -> None:
    """Write a corpus for each target below ``place``.

    Of long rows only the first ``most`` bytes: the fuzzer works on short inputs, and faster.
    """
    for case in TABLE:
        for target, data in seeds(case).items():
            write(place / target, PLAIN + data[:most])
            write(place / target, SMALL_LIMITS + data[:most])
    for data in RESPONSES:
        write(place / "response", b"\xc0" + data)
    more = {"proxy": PROXIES, "forwarded": FORWARDED, "websocket": FRAMES, "http2": STREAMS}
    for target, all_data in more.items():
        for data in all_data:
            write(place / target, b"\x40" + data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
