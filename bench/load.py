"""The load generators: one run of one of them, and its figures."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


class LoadError(Exception):
    """The generator failed, or saw errors: the figures of the run mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the generator is to do; `cores` is taskset's list, `body` bytes of request body.

    `protocol` is "http" or "https" (wrk), "handshakes" (ab, over TLS, a connection for each
    request), "h2c" (h2load, `streams` requests at once on each connection), "echo" or "broadcast"
    (WebSockets).
    """

    protocol: str
    port: int
    path: str
    connections: int
    method: str
    body: int
    cores: str
    streams: int = 1
    pause: int = 0  # milliseconds on average between two requests of a connection


@dataclass(frozen=True, slots=True)
class Figures:
    """What the generator saw: latencies in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: float  # seconds that the generator itself used


def command(load: Load, seconds: int) -> list[str]:
    """The generator's command line; it prints its figures as a line of JSON, the last one."""
    if load.protocol == "h2c":
        made = _h2load(load, seconds)
    elif load.protocol == "handshakes":
        made = _ab(load, seconds)
    elif load.protocol in ("echo", "broadcast"):
        made = _websockets(load, seconds)
    else:
        made = _wrk(load, seconds)
    return ["taskset", "-c", load.cores, *made]


def _wrk(load: Load, seconds: int) -> list[str]:
    scheme = "http" if load.protocol == "http" else "https"
    return [
        *("wrk", "-t", "1", "-c", str(load.connections)),
        *("-d", f"{seconds}s", "--latency", "-s", str(HERE / "load.lua")),
        f"{scheme}://127.0.0.1:{load.port}{load.path}",
        *("--", load.method, str(load.body), str(load.pause)),
    ]


def _ab(load: Load, seconds: int) -> list[str]:
    return [
        *(sys.executable, str(HERE / "ab.py"), "--seconds", str(seconds)),
        *("--connections", str(load.connections)),
        f"https://127.0.0.1:{load.port}{load.path}",
    ]


def _h2load(load: Load, seconds: int) -> list[str]:
    return [
        *(sys.executable, str(HERE / "h2load.py"), "--seconds", str(seconds)),
        *("--connections", str(load.connections), "--streams", str(load.streams)),
        f"http://127.0.0.1:{load.port}{load.path}",
    ]


def _websockets(load: Load, seconds: int) -> list[str]:
    return [
        *(sys.executable, str(HERE / "crowd.py"), load.protocol),
        *("--port", str(load.port), "--connections", str(load.connections)),
        *("--size", str(load.body), "--seconds", str(seconds)),
    ]


def run(load: Load, seconds: int) -> Figures:
    """Runs the generator once.

    Raises:
        LoadError: it failed or reported errors of any kind.
    """
    before = _children_cpu()
    done = subprocess.run(command(load, seconds), capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        said = (done.stderr.strip() or done.stdout.strip())[-200:]
        raise LoadError(f"the load generator exited {done.returncode}: {said}")
    seen = json.loads(lines[-1])
    errors = {name: count for name, count in seen.pop("errors").items() if count}
    if errors or not seen["requests"]:
        raise LoadError(f"errors {errors} in {seen['requests']} requests")
    return Figures(**seen, cpu=_children_cpu() - before)


def _children_cpu() -> float:
    """User and system time of all ended children, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
