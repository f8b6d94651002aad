"""Bodies, both ways and in every language: piece number n is 64 KiB of the byte n % 251."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

PIECE = 65536
"""Bytes of a piece; the last one is cut."""


def pieces(size: int) -> Iterator[bytes]:
    """A body of so many bytes; one that is lost, doubled or moved changes its digest."""
    for number, begin in enumerate(range(0, size, PIECE)):
        yield bytes([number % 251]) * min(PIECE, size - begin)


class Digest:
    """What is said of a body that came: its size in bytes and its SHA-256."""

    def __init__(self) -> None:
        self._size = 0
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """The next bytes of it."""
        self._size += len(piece)
        self._hash.update(piece)

    def said(self) -> dict[str, object]:
        """Both, for JSON."""
        return {"size": self._size, "sha256": self._hash.hexdigest()}


@cache
def expected(size: int) -> dict[str, object]:
    """What must be said of the body of so many bytes."""
    digest = Digest()
    for piece in pieces(size):
        digest.add(piece)
    return digest.said()
