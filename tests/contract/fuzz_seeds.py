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


def seeds(case: Case) -> dict[str, bytes]:
    """The bytes of one row: all of them for the head, those after the head for the chunks."""
    body = case.sent.partition(b"\r\n\r\n")[2]
    return {"head": case.sent} | ({"chunked": body} if body else {})


def write(place: Path, data: bytes) -> None:
    """Write one seed under the name of its content, as the fuzzer itself does."""
    place.mkdir(parents=True, exist_ok=True)
    (place / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def main(place: Path, most: int = 1024) -> None:
    """Write the corpora ``head``, ``chunked`` and ``response`` below ``place``.

    Of long rows only the first ``most`` bytes: the fuzzer works on short inputs, and faster.
    """
    for case in TABLE:
        for target, data in seeds(case).items():
            write(place / target, PLAIN + data[:most])
            write(place / target, SMALL_LIMITS + data[:most])
    for data in RESPONSES:
        write(place / "response", b"\xc0" + data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
