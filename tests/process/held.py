"""What keeps a process from ending, by name; each goes on until somebody opens the pipe GATE."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def wait() -> None:
    """Wait for somebody to open the pipe to write."""
    Path(os.environ["GATE"]).read_bytes()


def thread() -> None:
    """A thread that is no daemon."""
    threading.Thread(target=wait, name="importer").start()


def executor() -> None:
    """A thread of an executor that nobody shuts down."""
    ThreadPoolExecutor(1, thread_name_prefix="exporter").submit(wait)


def exit_handler() -> None:
    """What runs when the interpreter ends."""
    atexit.register(wait)


HOLDS: dict[str, Callable[[], object]] = {
    "thread": thread,
    "executor": executor,
    "exit": exit_handler,
}
"""Those that any application can have."""


async def stubborn() -> None:
    """A task that goes on after each cancellation."""
    gate = os.open(os.environ["GATE"], os.O_RDONLY | os.O_NONBLOCK)
    while not os.read(gate, 1):
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue
