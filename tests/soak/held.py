"""What a worker held when it was killed: its connections, by the kernel, and the log's words."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from tests.kit import wait_until

ESTABLISHED, CLOSE_WAIT = "01", "08"


def ports(pid: int, listening: int) -> set[int]:
    """The clients' ports of the connections that a process has on the port ``listening``."""
    inodes = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(path.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {
        int(row[2].partition(":")[2], 16)
        for row in rows
        if row[9] in inodes
        and row[3] in (ESTABLISHED, CLOSE_WAIT)
        and int(row[1].partition(":")[2], 16) == listening
    }


def stop(pid: int) -> None:
    """Stop a process, and wait until it stands still: what it holds does not change any more."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state(pid) in "TZ", "the process is stopped")


def state(pid: int) -> str:
    """The letter of a process's state (proc(5), stat); Z also if it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def kill(pid: int, listening: int) -> set[int]:
    """End a worker as ``kill -9`` does; the clients' ports of the connections it had."""
    stop(pid)
    held = ports(pid, listening)
    os.kill(pid, signal.SIGKILL)
    return held


def told(log: str, pid: int) -> set[str]:
    """The paths that the log says a dead worker had in flight."""
    found = re.search(rf"worker {pid} ended: .*", log)
    return set(re.findall(r"GET (/\S+) of ", found[0])) if found else set()
