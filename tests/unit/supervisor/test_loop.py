"""The supervisor's loop: descriptors, times, and calls that undo each other."""

from __future__ import annotations

import logging
import os
import time

import pytest

from tricorn.supervisor.loop import Loop


class Pipe:
    """A descriptor that is readable from the start."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.write(self._write, b"x")

    def fileno(self) -> int:
        """The reading end."""
        return self._read

    def close(self) -> None:
        """Both ends."""
        os.close(self._read)
        os.close(self._write)


def test_a_call_may_end_what_the_next_is_about() -> None:
    loop, pipes, seen = Loop(), [Pipe(), Pipe()], []

    def end_the_other(this: Pipe, other: Pipe) -> None:
        seen.append(this)
        loop.forget(other)

    loop.watch(pipes[0], lambda: end_the_other(pipes[0], pipes[1]))
    loop.watch(pipes[1], lambda: end_the_other(pipes[1], pipes[0]))
    loop.wait(None, [])
    assert len(seen) == 1
    loop.close()
    for pipe in pipes:
        pipe.close()


def test_times_come_and_mistakes_are_contained(caplog: pytest.LogCaptureFixture) -> None:
    loop, seen = Loop(), []
    loop.later(0, lambda: seen.append(1 // 0))
    loop.later(0, lambda: seen.append(2))
    with caplog.at_level(logging.ERROR, "tricorn.supervisor"):
        loop.wait(time.monotonic() + 10, [None])
    assert seen == [2]
    assert "ZeroDivisionError" in caplog.text
    loop.close()
