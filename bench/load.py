"""The load generator: one run of wrk, and its figures."""

from __future__ import annotations

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")


class LoadError(Exception):
    """wrk failed, or saw errors: the figures of the run mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What wrk is to do; `cores` is taskset's list, `body` bytes of request body."""

    url: str
    connections: int
    method: str
    body: int
    cores: str
    pause: int = 0  # milliseconds on average between two requests of a connection


@dataclass(frozen=True, slots=True)
class Figures:
    """What wrk saw: latencies in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: float  # seconds that wrk itself used


def command(load: Load, seconds: int) -> list[str]:
    """The wrk command line."""
    return [
        *("taskset", "-c", load.cores, "wrk", "-t", "1", "-c", str(load.connections)),
        *("-d", f"{seconds}s", "--latency", "-s", str(SCRIPT)),
        *(load.url, "--", load.method, str(load.body), str(load.pause)),
    ]


def run(load: Load, seconds: int) -> Figures:
    """Runs wrk once.

    Raises:
        LoadError: wrk failed or reported errors of any kind.
    """
    before = _children_cpu()
    done = subprocess.run(command(load, seconds), capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise LoadError(f"wrk exited {done.returncode}: {done.stderr.strip()[-200:]}")
    seen = json.loads(lines[-1])
    errors = {name: count for name, count in seen.pop("errors").items() if count}
    if errors or not seen["requests"]:
        raise LoadError(f"wrk saw errors {errors} in {seen['requests']} requests")
    return Figures(**seen, cpu=_children_cpu() - before)


def _children_cpu() -> float:
    """User and system time of all ended children, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
