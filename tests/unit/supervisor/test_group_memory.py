"""--max-memory-total: of real processes, the largest goes; one at a time, and no young one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tricorn._core import Scoreboard
from tricorn.supervisor.fleet import Worker
from tricorn.supervisor.health import Health

MiB = 1024 * 1024
NOW = 1000.0


@contextmanager
def process(size: int) -> Iterator[int]:
    """A process that has written to so many bytes."""
    code = f"data = bytearray(b'x') * {size}; print('there', flush=True); input()"
    args = [sys.executable, "-c", code]
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"there\n"
        yield started.pid
        started.communicate(b"\n")


def test_the_largest_goes() -> None:
    with process(1) as small, process(64 * MiB) as large:
        workers = [Worker(small, 0, 1, NOW - 100), Worker(large, 1, 1, NOW - 100)]
        health = Health(Scoreboard(2))
        health.check_group(workers, 1024 * MiB, NOW)
        assert [one.worn for one in workers] == ["", ""], "it is not too much"
        health.check_group(workers, 64 * MiB, NOW + 1)
        assert [one.worn for one in workers] == ["", ""], "it has just been looked at"
        health.check_group(workers, 64 * MiB, NOW + 10)
        assert not workers[0].worn
        assert "(--max-memory-total)" in workers[1].worn
        health.check_group(workers, 1, NOW + 20)
        assert not workers[0].worn, "one at a time"


def test_a_young_one_stays() -> None:
    with process(64 * MiB) as large:
        worker = Worker(large, 0, 1, NOW - 59)
        health = Health(Scoreboard(1))
        health.check_group([worker], 1, NOW)
        assert not worker.worn
        health.check_group([worker], 1, NOW + 10)
        assert worker.worn
