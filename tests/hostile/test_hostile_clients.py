"""Clients that go, stall or trickle leave nothing behind: descriptors, threads, tasks, memory."""

from __future__ import annotations

import itertools

import pytest

from tests.hostile.clients import CUT_SHORT, ENDINGS, ask, connected, cut_short, get, trickle
from tests.hostile.conftest import MODES, PLAIN, app_of
from tests.hostile.footprint import Watch, own_memory
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT

MiB = 1024 * 1024
SMALL = [kind for kind in CUT_SHORT if kind != "mid-large"]
"""Without the answers of 8 MiB: what malloc keeps of them for later hides a leak."""
SLOW = 2000
"""Connections that send a head byte by byte."""


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", CUT_SHORT)
def test_clients_that_go(server: Server, kind: str, ending: str) -> None:
    """However far its request was, a client that goes takes all that was held for it along."""
    with Watch(server) as watch:
        cut_short(server.address, kind, ending, 30)

        watch.await_as_before()


def test_memory_after_many_rounds(server: Server) -> None:
    """Neither objects nor memory grow with the number of clients that went."""
    with Watch(server) as watch:
        rounds(server, 3)
        watch.await_as_before()
        objects, memory = watch.census()["objects"], own_memory(server.pid)

        rounds(server, 6)

        watch.await_as_before()
        assert watch.census()["objects"] - objects < 500
        assert own_memory(server.pid) - memory < 2 * MiB


def rounds(server: Server, count: int) -> None:
    """20 clients of each small kind, ``count`` times."""
    for _ in range(count):
        for kind, ending in itertools.product(SMALL, ENDINGS):
            cut_short(server.address, kind, ending, 20)


@pytest.mark.parametrize("mode", MODES)
def test_readers_that_stop(mode: str) -> None:
    """A client that reads nothing of its answer is cut off, though it stays connected."""
    options = (*PLAIN, *MODES[mode], "--write-timeout", "300ms")
    with (
        serve(app_of(mode), *options, app_dir=ROOT) as server,
        Watch(server) as watch,
        connected(server.address, 20) as wires,
    ):
        for at, wire in enumerate(wires):
            wire.send(get(("/large", "/stream")[at % 2]))

        watch.await_as_before()


@pytest.mark.parametrize("mode", MODES)
def test_slow_heads(mode: str) -> None:
    """2,000 heads that trickle in: others are served meanwhile, and each ends at its deadline."""
    options = (*PLAIN, *MODES[mode], "--head-timeout", "2s")
    with serve(app_of(mode), *options, app_dir=ROOT) as server, Watch(server) as watch:
        with connected(server.address, SLOW) as wires:
            trickle(wires, b"GET / HTTP/1.1\r\nX-Slow: ")
            assert ask(server, "/hello").body == b"/hello"

            wait_until(lambda: trickled_out(watch, wires), "all are refused", deadline=20)
            assert {wire.response().status for wire in wires} == {408}
        watch.await_as_before()


def trickled_out(watch: Watch, wires: list[Wire]) -> bool:
    """Send one more byte on each; whether the server has ended them all."""
    trickle(wires, b"x")
    return watch.held() == watch.before


def test_half_open_connections(server: Server) -> None:
    """500 idle connections whose clients have ended their side are closed without a request."""
    with Watch(server) as watch, connected(server.address, 500) as wires:
        for wire in wires:
            assert wire.ask(get("/hello")).status == 200
            wire.half_close()

        watch.await_as_before()
        assert wires[0].rest() == b""
