"""What both applications of the hostile tests share: the piece they send and what they count."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator

PIECE = bytes(range(256)) * 256
"""64 KiB that a client can recognise."""
OPENED = {"opened": 0, "closed": 0}
"""Response iterables handed to the server, and those it has closed."""


class Counted:
    """A response iterable that counts its close(), and fails after ``fails_after`` pieces."""

    def __init__(self, pieces: Iterator[bytes], fails_after: int | None = None) -> None:
        self._pieces = pieces
        self._left = fails_after
        OPENED["opened"] += 1

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> bytes:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ValueError("as the test wants it")
        return next(self._pieces)

    def close(self) -> None:
        """Called once by the server, whatever happens (PEP 3333)."""
        OPENED["closed"] += 1


def counted() -> dict[str, int]:
    """Iterables opened and closed, threads known to Python."""
    return {**OPENED, "threads": threading.active_count()}


def objects() -> int:
    """Objects that the collector tracks, garbage apart."""
    gc.collect()
    return len(gc.get_objects())


def as_json(**values: int) -> bytes:
    """The body of a census."""
    return json.dumps(values).encode()
