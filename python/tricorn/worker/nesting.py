"""A loop that runs within itself, as nest_asyncio makes it: asyncio itself does not allow that.

The loop calls a reader in a context of the reader's own, and a context can't be entered twice. So a
nested loop would fail to call the server's poll, again and again, while its descriptor is readable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any


def let_nest(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    """Let the reader of ``fd`` be called while it runs; for asyncio's loops, no others nest."""
    selector = getattr(loop, "_selector", None)
    if selector is not None:
        reader = selector.get_key(fd).data[0]
        reader._context = _Nestable(reader._context)


class _Nestable:
    """What a handle needs of its context: a copy of it is entered while it is in use."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._in_use = False

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call in the context."""
        if self._in_use:
            return self._context.copy().run(call, *args)
        self._in_use = True
        try:
            return self._context.run(call, *args)
        finally:
            self._in_use = False
