"""One server with workers under measurement, and what its processes do over time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
from client import connect
from process import Process, free_port, running

APPS = Path(__file__).parent / "apps"
CORES = "0,1"
PATIENCE = 20.0  # seconds for a change of the workers
LOOK = 0.001  # seconds between two looks at the processes


class ChangeError(Exception):
    """The workers did not become what they should."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running supervisor and its workers."""

    process: Process
    control: Path

    def workers(self) -> set[int]:
        """The pids of the workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return set(map(int, children.split()))

    def reload(self, count: int) -> float:
        """Seconds until `count` workers of new code are there, and no old one."""
        old, begin = self.workers(), time.monotonic()
        os.kill(self.process.pid, signal.SIGHUP)
        wait_for(lambda: len(now := self.workers()) == count and not now & old, "a reload")
        return time.monotonic() - begin

    def kill_one(self) -> float:
        """Seconds from the kill of the only worker to an answer of the next."""
        [victim] = self.workers()
        begin = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        ask(self.process.port, "/")
        return time.monotonic() - begin

    def requests(self) -> list[int]:
        """How many requests each worker has had, fewest first."""
        words = ["status", "--json", "--control", str(self.control)]
        done = subprocess.run(
            [sys.executable, "-m", "tricorn", *words], capture_output=True, text=True, check=True
        )
        return sorted(worker["requests"] for worker in json.loads(done.stdout)["workers"])

    def load(self, seconds: int, path: str = "/", pause: int = 0) -> load.Figures:
        """wrk with 64 connections; `pause` milliseconds between two requests of one."""
        wanted = load.Load(
            protocol="http",
            port=self.process.port,
            path=path,
            connections=64,
            method="GET",
            body=0,
            cores=CORES,
            pause=pause,
        )
        return load.run(wanted, seconds)


@contextmanager
def started(app: str, workers: int, scratch: Path, *options: str) -> Iterator[Fleet]:
    """A server on both processors, once all its workers answer."""
    port = free_port()
    control = scratch / f"control-{port}"
    interface = "wsgi" if "wsgi" in app or "django" in app else "asgi"
    command = [
        *(sys.executable, "-m", "tricorn", app, "--interface", interface),
        *("--bind", f"127.0.0.1:{port}", "--workers", str(workers)),
        *("--control-socket", str(control), *options),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(APPS),
        "BENCH_BLOCKED": str(scratch / "blocked"),
    }
    with running(command, port, CORES, environment, scratch / f"output-{port}") as process:
        fleet = Fleet(process, control)
        wait_for(lambda: len(fleet.workers()) == workers, "the workers")
        wait_for(lambda: "serving" in (scratch / f"output-{port}").read_text(), "the start")
        yield fleet


def ask(port: int, path: str) -> float:
    """Seconds for one request on a connection of its own."""
    begin = time.monotonic()
    with connect(port) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        if not client.recv(4096).startswith(b"HTTP/1.1 200"):
            raise ChangeError("no answer with status 200")
    return time.monotonic() - begin


def wait_for(look: Callable[[], bool], what: str) -> None:
    """Polls the processes until it holds."""
    end = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > end:
            raise ChangeError(f"not within {PATIENCE:g} s: {what}")
        time.sleep(LOOK)


def pss(pid: int) -> int:
    """Bytes of a process; pages it shares count in part (proc(5), smaps_rollup)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024


def wakeups(pid: int) -> int:
    """How often a process has waited and gone on (proc(5), status)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("voluntary")).split()[1])
