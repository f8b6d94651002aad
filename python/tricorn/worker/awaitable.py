"""What an application's call may give in place of a coroutine."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def as_coroutine(given: Awaitable[T]) -> T:
    """A coroutine, as a task needs one, of anything that can be awaited."""
    return await given
