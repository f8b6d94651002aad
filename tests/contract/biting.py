"""Objects of Python's that do more than they seem to: for every place where the core takes one."""

from __future__ import annotations

import array
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

LARGE = 4 * 1024 * 1024
"""More than a socket takes at once."""


class Mourned(bytes):
    """Runs Python when it goes."""

    on_end: Callable[[], object] | None = None

    def __del__(self) -> None:
        print("a body has gone", file=sys.stderr, flush=True)
        if self.on_end is not None:
            self.on_end()


class Liar(bytes):
    """Says that it is longer, empty and equal to everything."""

    def __len__(self) -> int:
        return 1000

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7

    def __iter__(self) -> NoReturn:
        raise RuntimeError("nobody looks inside")


class Touchy(str):
    """A key that can't be compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    def __hash__(self) -> int:
        return str.__hash__(self)


class Number(int):
    """A number with an opinion of its own."""

    def __index__(self) -> int:
        return 500

    def __int__(self) -> int:
        return 500


class Sequence:
    """Two items by the old protocol of iteration alone."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, at: int) -> Any:
        return self.items[at]


class Buffers(list[Any]):
    """A list whose iterator gives something else."""

    def __iter__(self) -> Iterator[Any]:
        return iter([b"from ", b"__iter__"])


def failing(*items: Any) -> Iterator[Any]:
    """Some items, then an error."""
    yield from items
    raise RuntimeError("the iterator has failed")


def numbers(size: int) -> array.array[int]:
    """A buffer of bytes that is none."""
    return array.array("B", b"n" * size)
