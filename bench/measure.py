"""The measurements: each starts one server, checks its answer, and returns its figures."""

from __future__ import annotations

import http.client
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import crowd
import load
from client import (
    TIMEOUT,
    AnswerError,
    ask,
    ask_http2,
    connect,
    receive_body,
    send_body,
)
from process import Process, busy, running
from scenarios import MEBIBYTE, Scenario

Figures = dict[str, float]
SERVER_CORE = 0
LOAD_CORE = 1
BOTH_CORES = f"{SERVER_CORE},{LOAD_CORE}"  # taskset's notation


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long and how much to measure: seconds, bytes and counts."""

    rounds: int = 7
    seconds: int = 1
    warm_up: int = 1
    # Longer than the usual keep-alive timeout: a last timer after the load is not idling.
    wind_down: int = 6
    idle_seconds: int = 5
    idle_connections: int = 5000
    idle_websockets: int = 10_000
    transfer: int = 1024 * MEBIBYTE
    attempts: int = 3
    disturbance: float = 0.1  # share of a core that other processes may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """All that it takes to start one server for one scenario."""

    command: list[str]
    port: int
    environment: dict[str, str]
    directory: Path
    scenario: Scenario

    @property
    def cores(self) -> str:
        """The processors of the server, in taskset's notation."""
        return BOTH_CORES if self.scenario.two_cores else f"{SERVER_CORE}"

    @property
    def load(self) -> load.Load:
        """What the load generator has to do."""
        scenario = self.scenario
        return load.Load(
            protocol=scenario.protocol,
            port=self.port,
            path=scenario.path,
            connections=scenario.connections,
            streams=scenario.streams,
            method=scenario.method,
            body=scenario.body,
            cores=BOTH_CORES if scenario.two_cores else f"{LOAD_CORE}",
        )

    @contextmanager
    def started(self) -> Iterator[Process]:
        """The running server; a fresh one each time."""
        output = self.directory / "output.log"
        with running(self.command, self.port, self.cores, self.environment, output) as process:
            yield process

    def check(self) -> None:
        """Asks twice on one connection; over HTTP/2 once. Clients of WebSockets check each answer.

        Raises:
            AnswerError: another status or body than the application's.
        """
        scenario = self.scenario
        if scenario.protocol in ("echo", "broadcast"):
            return
        if scenario.protocol == "h2c":
            ask_http2(self.port, scenario.path, scenario.answer)
            return
        body = b"x" * scenario.body or None
        client = self._client()
        for _ in range(2):
            client.request(scenario.method, scenario.path, body)
            response = client.getresponse()
            answer = response.read()
            if response.status != 200 or answer != scenario.answer:
                raise AnswerError(f"status {response.status}, {len(answer)} bytes: {answer[:80]!r}")
        client.close()

    def _client(self) -> http.client.HTTPConnection:
        if self.scenario.protocol == "http":
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        # Nobody has signed the benchmark's certificate.
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=TIMEOUT, context=trusting
        )


def under_load(launch: Launch, effort: Effort) -> Figures:
    """CPU per request, requests per second, latencies, and what other processes took meanwhile.

    Where others took more than `effort.disturbance`, it measures again, `effort.attempts` times in
    all, and the quietest one counts.
    """
    with launch.started() as process:
        launch.check()
        load.run(launch.load, effort.warm_up)
        attempts = []
        for _ in range(effort.attempts):
            attempts.append(_loaded(launch, effort, process))
            if attempts[-1]["others"] <= effort.disturbance:
                break
    return min(attempts, key=lambda figures: figures["others"])


def _loaded(launch: Launch, effort: Effort, process: Process) -> Figures:
    everything, server, start = busy(), process.cpu(), time.monotonic()
    seen = load.run(launch.load, effort.seconds)
    server = process.cpu() - server
    others = busy() - everything - server - seen.cpu
    return {
        "cpu": server / seen.requests * 1e6,
        "rps": seen.requests / seen.seconds,
        "p50": seen.p50,
        "p99": seen.p99,
        "others": max(0.0, others) / (time.monotonic() - start),
    }


def system_calls(launch: Launch, effort: Effort) -> Figures:
    """System calls per request, counted by strace.

    It slows the server several times, so that the server is never without work; the calls for
    opening the connections are counted too.
    """
    with launch.started() as process:
        launch.check()
        load.run(launch.load, effort.warm_up)
        summary = launch.directory / "strace.txt"
        pids = [part for pid in process.tree() for part in ("-p", str(pid))]
        tracer = subprocess.Popen(
            ["strace", "-q", "-c", "-f", "-o", str(summary), *pids], stderr=subprocess.DEVNULL
        )
        for pid in process.tree():
            _wait_until_traced(pid)
        seen = load.run(launch.load, effort.seconds * 3)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    total = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", summary.read_text(), re.MULTILINE)
    if total is None:
        raise AnswerError("strace counted nothing")
    return {"syscalls": int(total[1]) / seen.requests}


def _wait_until_traced(pid: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        if time.monotonic() > deadline:
            raise AnswerError("strace did not attach")
        time.sleep(0.01)


def idle(launch: Launch, effort: Effort) -> Figures:
    """Context switches per second of a server that has worked and has nothing to do."""
    with launch.started() as process:
        launch.check()
        load.run(launch.load, effort.warm_up)
        time.sleep(effort.wind_down)
        before, used = process.switches(), process.cpu()
        time.sleep(effort.idle_seconds)
        switches, cpu = process.switches() - before, process.cpu() - used
    return {"wakeups": switches / effort.idle_seconds, "idle_cpu": cpu / effort.idle_seconds}


def idle_connections(launch: Launch, effort: Effort) -> Figures:
    """Memory of each connection that has had one answer and stays open."""
    with launch.started() as process, ExitStack() as clients:
        launch.check()
        load.run(launch.load, effort.warm_up)
        before = process.memory()
        for _ in range(effort.idle_connections):
            ask(clients.enter_context(connect(launch.port)))
        grown = process.memory() - before
    return {"connection": grown / effort.idle_connections}


def idle_websockets(launch: Launch, effort: Effort) -> Figures:
    """Memory of each open WebSocket that is silent, and that beyond what the application holds.

    That is what a server grows by for as many tasks that wait, each with a scope of its own.
    """
    count = effort.idle_websockets
    with launch.started() as process, ExitStack() as clients:
        for _ in range(100):  # what is made once
            crowd.connect(launch.port).close()
        before = process.memory()
        for _ in range(count):
            clients.enter_context(crowd.connect(launch.port))
        grown = process.memory() - before
    with launch.started() as process, connect(launch.port) as client:
        ask(client, "/?1")
        before = process.memory()
        ask(client, f"/?{count}")
        held = process.memory() - before
    return {"connection": grown / count, "beyond": (grown - held) / count}


def upload(launch: Launch, effort: Effort) -> Figures:
    """Growth of memory and speed while one request body goes up."""
    with launch.started() as process:
        send_body(launch.port, effort.transfer // 16)
        return _watched(process, effort.transfer, lambda: send_body(launch.port, effort.transfer))


def download(launch: Launch, effort: Effort) -> Figures:
    """Growth of memory and speed while one file comes down; the client throws it away."""
    path = Path(launch.environment["BENCH_FILE"])
    with launch.started() as process:
        os.truncate(path, effort.transfer)
        receive_body(launch.port, effort.transfer)
        return _watched(
            process, effort.transfer, lambda: receive_body(launch.port, effort.transfer)
        )


def _watched(process: Process, size: int, transfer: Callable[[], None]) -> Figures:
    process.reset_peak()
    before, used, start = process.resident("VmRSS"), process.cpu(), time.monotonic()
    transfer()
    seconds = time.monotonic() - start
    return {
        "growth": (process.resident("VmHWM") - before) / MEBIBYTE,
        "speed": size / MEBIBYTE / seconds,
        "cpu_seconds": process.cpu() - used,
    }


def start(launch: Launch, effort: Effort) -> Figures:
    """From the start of the process to its first answer."""
    begin = time.monotonic()
    with launch.started():
        with connect(launch.port) as client:
            ask(client)
        seconds = time.monotonic() - begin
        launch.check()
    return {"start": seconds * 1000}


KINDS: dict[str, Callable[[Launch, Effort], Figures]] = {
    "load": under_load,
    "syscalls": system_calls,
    "idle": idle,
    "connections": idle_connections,
    "websockets": idle_websockets,
    "upload": upload,
    "download": download,
    "start": start,
}
