"""Descriptors, connections and time run out: the server waits quietly, and goes on."""

from __future__ import annotations

import resource
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.hostile.clients import ask, connected, get
from tests.hostile.conftest import MODES, PLAIN, app_of
from tests.hostile.footprint import descriptors, processor_seconds
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT

BURST = 200


@contextmanager
def served(mode: str, *options: str) -> Iterator[Server]:
    """A server in ``mode`` with more options."""
    with serve(app_of(mode), *PLAIN, *MODES[mode], *options, app_dir=ROOT) as server:
        yield server


def answered(wire: Wire, within: float) -> bool:
    """Whether anything arrives within so many seconds."""
    return bool(select.select([wire.sock], [], [], within)[0])


def test_descriptors_run_out(server: Server) -> None:
    """Accepted connections are served, the others wait without using the processor."""
    with ExitStack() as stack:
        first = stack.enter_context(server.connect())
        assert first.ask(get("/hello")).status == 200
        limit = descriptors(server.pid) + 10
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        wires = stack.enter_context(connected(server.address, 40))
        for wire in wires:
            wire.send(get("/hello"))
        wait_until(lambda: descriptors(server.pid) == limit, "no descriptor is left")

        used = processor_seconds(server.pid)
        assert not answered(wires[-1], 1.0)
        assert processor_seconds(server.pid) - used < 0.2
        assert first.ask(get("/hello")).body == b"/hello"
        assert server.stderr.text().count("cannot accept more connections") == 1

        for wire in wires:
            assert wire.response().body == b"/hello"
            wire.close()
        assert ask(server, "/hello").body == b"/hello"


@pytest.mark.parametrize("mode", MODES)
def test_connections_beyond_the_limit_wait(mode: str) -> None:
    """They are accepted as soon as others end."""
    with served(mode, "--worker-connections", "4") as server, ExitStack() as stack:
        open_ones = stack.enter_context(connected(server.address, 4))
        for wire in open_ones:
            assert wire.ask(get("/hello")).status == 200
        waiting = stack.enter_context(connected(server.address, 3))
        for wire in waiting:
            wire.send(get("/hello"))

        assert not answered(waiting[0], 0.3)
        for ended, wire in zip(open_ones, waiting, strict=False):
            ended.close()
            assert wire.response().body == b"/hello"
        assert open_ones[-1].ask(get("/hello")).body == b"/hello"


@pytest.mark.parametrize("mode", MODES)
def test_the_limit_under_a_crowd(mode: str) -> None:
    """Ten times as many clients as the limit, each with one request: all are answered."""
    with (
        served(mode, "--worker-connections", "5") as server,
        connected(server.address, 50) as wires,
    ):
        for wire in wires:
            wire.send(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for wire in wires:
            assert wire.response().body == b"/hello"
            wire.close()


def test_a_burst_while_it_was_stopped(server: Server) -> None:
    """What queued up while the process did not run is answered when it does again."""
    with stopped(server), connected(server.address, BURST) as wires:
        for at, wire in enumerate(wires):
            wire.send(get(f"/{at}"))
        server.send_signal(signal.SIGCONT)

        for at, wire in enumerate(wires):
            assert wire.response().body == f"/{at}".encode()


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """The process and all its threads stand still in the block, unless it sends SIGCONT."""
    server.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: states(server.pid) == {"T"}, "every thread has stopped")
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def states(pid: int) -> set[str]:
    """The states of all threads, T for stopped."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return {stat.read_text().rpartition(")")[2].split()[0] for stat in stats}


@pytest.mark.parametrize("mode", MODES)
def test_the_backlog_is_the_kernels(mode: str) -> None:
    """With a backlog of 8, a stopped server has 9 connections queue up, which is Linux's count."""
    with served(mode, "--backlog", "8") as server, stopped(server), ExitStack() as stack:
        socks = [stack.enter_context(begun(server)) for _ in range(30)]

        assert len(writable(socks)) == 9


def begun(server: Server) -> socket.socket:
    """A connection on its way."""
    sock = socket.socket()
    sock.setblocking(False)
    assert isinstance(server.address, tuple)
    sock.connect_ex(server.address)
    return sock


def writable(socks: list[socket.socket]) -> list[socket.socket]:
    """Those that are connected: on the loopback a connection that can be made is made at once."""
    return select.select([], socks, [], 0.2)[1]
