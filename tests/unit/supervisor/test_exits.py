"""What is said of a process that has ended: real processes, real statuses."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tricorn.supervisor.exits import exit_code, explain


def status_of(end: Callable[[], object]) -> int:
    """The wait status of a child that does this."""
    pid = os.fork()
    if not pid:
        try:
            end()
        finally:
            os._exit(99)
    return os.waitpid(pid, 0)[1]


def die(number: signal.Signals) -> None:
    """End by a signal."""
    os.kill(os.getpid(), number)
    signal.pause()


def test_an_exit_code() -> None:
    status = status_of(lambda: os._exit(7))
    assert exit_code(status) == 7
    assert explain(status) == "exit code 7"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGKILL, "signal SIGKILL, sent by someone, or by the kernel when memory ran out"),
        (signal.SIGTERM, "signal SIGTERM"),
    ],
)
def test_a_signal(number: signal.Signals, told: str) -> None:
    status = status_of(lambda: die(number))
    assert exit_code(status) == 128 + number
    assert explain(status).startswith(told)


def test_our_own_reason_counts_more_than_the_signal() -> None:
    status = status_of(lambda: die(signal.SIGKILL))
    assert explain(status, "it hung") == "killed: it hung"
