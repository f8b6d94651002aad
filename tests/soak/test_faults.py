"""Minutes of random faults: only what they explain fails, and at the end nothing is left."""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit import wait_until
from tests.process.test_workers import KINDS
from tests.process.versions import Site
from tests.soak.conftest import Row
from tests.soak.faults import Faults
from tests.soak.instance import PATIENCE, Instance, started
from tests.soak.load import Load

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
"""Of all kinds together."""
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(1 << 32))))
RUN = ("asgi-uvloop", "wsgi-4")
WORKERS = 3
MOST_GROWTH = 4 << 20
"""Bytes of memory that a supervisor may take in the course of the test."""

pytestmark = pytest.mark.timeout(MINUTES * 60 + 300)


class Watch:
    """What is seen of the processes while they run."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._memory: dict[int, list[int]] = {}
        self.pids: set[int] = set()

    def look(self) -> None:
        """Take note of all processes, and of the supervisor's memory."""
        self.pids |= self._instance.processes()
        pid = self._instance.pid
        with suppress(FileNotFoundError, ProcessLookupError, StopIteration):
            self._memory.setdefault(pid, []).append(memory(pid))

    def growth(self) -> int:
        """The most that one supervisor has grown, in bytes."""
        return max(sizes[-1] - sizes[0] for sizes in self._memory.values() if sizes)


def memory(pid: int) -> int:
    """Bytes of a process that are not of files (proc(5), RssAnon)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) << 10


def descriptors(pid: int) -> list[str]:
    """What a process has open, without the numbers of pipes and sockets."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.append(re.sub(r"\d+", "N", str(path.readlink())))
    return sorted(found)


def shared_memory() -> set[str]:
    """Segments that have a name, and so outlive their processes."""
    named = {path.name for path in Path("/dev/shm").iterdir()}
    system_v = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return named | {line.split()[1] for line in system_v}


@pytest.mark.parametrize("kind", RUN)
def test_faults(kind: str, tmp_path: Path, count: list[Row]) -> None:
    interface, *options = KINDS[kind]
    site = Site(tmp_path, interface)
    site.write("version 0")
    files, segments = set(tmp_path.iterdir()), shared_memory()
    control = tmp_path / "control"
    binds = ("--bind", "127.0.0.1:0", "--bind", f"unix:{tmp_path / 'socket'}")
    own = ("--control-socket", str(control), "--pid", str(tmp_path / "pid"))
    limits = ("--timeout", "4", "--graceful-timeout", "5", "--max-memory", "200MiB")
    print(f"\nSOAK_SEED={SEED}")
    with started(site, "--workers", str(WORKERS), *options, *binds, *own, *limits) as instance:
        instance.wait_workers(WORKERS)
        faults = Faults(instance, site, control, random.Random(f"{SEED} {kind}"))
        faults.settle(WORKERS)  # a first reload opens what stays open
        before, watch = descriptors(instance.pid), Watch(instance)
        with Load(instance.server.address, keeping=10, fresh=10) as load:
            end = time.monotonic() + MINUTES * 60 / len(RUN)
            while time.monotonic() < end:
                watch.look()
                faults.one()
                wait_for_service(load)
            faults.settle(WORKERS)
        wait_until(
            lambda: descriptors(instance.pid) == before,
            f"the descriptors of before:\n{before}\nnow:\n{descriptors(instance.pid)}",
            deadline=PATIENCE,
        )
        watch.look()
    assert not instance.processes()
    assert not [pid for pid in watch.pids if Path(f"/proc/{pid}/cwd").exists() and own_of(pid)]
    assert set(tmp_path.iterdir()) == files
    assert shared_memory() == segments
    tally = load.tally()
    causes = Counter(faults.cause(failure) for failure in tally.failures)
    count.append(
        {
            "faults": kind,
            "requests": tally.answered,
            "processes": len(watch.pids),
            **faults.done,
            "failed by kill": causes["kill"],
            "failed by freeze": causes["freeze"],
            "failed else": causes[""],
            "longest, s": tally.longest,
            "growth, KiB": watch.growth() >> 10,
        }
    )
    strangers = [one for one in tally.failures if not faults.cause(one)]
    assert not strangers, f"{strangers[:10]}\n{log_at(instance.log(), strangers[0].when)}"
    check_log(instance.log())
    assert watch.growth() <= MOST_GROWTH


def log_at(text: str, when: float) -> str:
    """The lines of the log about a time of the monotonic clock."""
    at = time.time() - time.monotonic() + when
    seconds = {time.strftime("%H:%M:%S", time.gmtime(at + shift)) for shift in range(-8, 3)}
    return "\n".join(line for line in text.splitlines() if line[11:19] in seconds)


def wait_for_service(load: Load) -> None:
    """A few requests between two faults."""
    until = load.answered + 100
    wait_until(lambda: load.answered > until, "service", deadline=PATIENCE)


def own_of(pid: int) -> bool:
    """Whether it is Tricorn, and not a process that got the number since."""
    with suppress(OSError):
        return b"tricorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def check_log(text: str) -> None:
    """No mistakes of ours: every traceback is that of the code broken on purpose."""
    assert "bug in Tricorn" not in text
    assert "panicked" not in text
    for part in text.split("Traceback (most recent call last)")[1:]:
        assert "broken on purpose" in part, part[:2000]
