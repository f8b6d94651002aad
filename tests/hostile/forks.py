"""Every way for an application to fork, and for the child to go on; shared by both interfaces."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable


def forked(child: Callable[[], object]) -> int:
    """Fork; the child does something and comes back with 0, the parent has its id."""
    pid = os.fork()
    if not pid:
        child()
    return pid


def asleep() -> int:
    """A child that sleeps by now."""
    ours, theirs = os.pipe()

    def sleep() -> None:
        os.write(theirs, b"!")
        time.sleep(60)

    pid = forked(sleep)
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    return pid


def in_multiprocessing() -> int:
    """The id of a child that `multiprocessing` has forked."""
    process = multiprocessing.get_context("fork").Process(target=sys.exit, args=(5,))
    process.start()
    assert process.pid is not None
    return process.pid


def fail() -> None:
    """An exception that passes."""
    raise RuntimeError("the child has failed")


WAYS: dict[str, Callable[[], int]] = {
    "return": lambda: forked(lambda: None),
    "exit": lambda: forked(lambda: sys.exit(3)),
    "raise": lambda: forked(fail),
    "os-exit": lambda: forked(lambda: os._exit(7)),
    "exec": lambda: forked(lambda: os.execv("/bin/true", ["true"])),
    "sleep": asleep,
    "multiprocessing": in_multiprocessing,
}
CODES = {"exit": 3, "raise": 1, "os-exit": 7, "multiprocessing": 5, "sleep": -15}
"""How the child ends, if not with 0."""


def waited(pid: int) -> bytes:
    """The exit code of a child, -N for signal N; nothing while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return str(os.waitstatus_to_exitcode(status)).encode() if ended else b""
