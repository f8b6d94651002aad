"""What a parent reads of its workers: counters, requests in flight, the beat; and no drift."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.clients import connected, finish, reset
from tests.kit import Wire
from tests.process.conftest import get, read_begun
from tests.process.slots import Slots, Workers, forked, total
from tricorn._core import Scoreboard, Slot, WsgiCore
from tricorn.config import Config

KINDS = {"asgi": ("asgi", 1), "wsgi-1": ("wsgi", 1), "wsgi-4": ("wsgi", 4)}
EMPTY = ("beat", "in_flight", "connections", "accepted", "requests", "errors", "rejected", "shed")

TICK = 20
"""Milliseconds that a beat may be behind: the longest tick of a kernel, and rounding."""

HALF_SENT = b"POST /slow?secret=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf"
LARGE_HALF = b"POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n" + bytes(100000)


@pytest.fixture(params=KINDS)
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workers]:
    """Two workers of each kind."""
    interface, threads = KINDS[request.param]
    with forked(interface, tmp_path, workers=2, threads=threads) as workers:
        yield workers


def test_counters_are_read_by_the_parent(workers: Workers) -> None:
    with workers.server.connect() as wire, workers.server.connect() as other:
        for _ in range(3):
            assert wire.ask(get("/quick")).status == 200
        assert wire.ask(get("/fail")).status == 500
        assert other.ask(b"GET nonsense HTTP/1.1\r\n\r\n").status == 400
        slots = workers.until_sum("rejected", 1)
    slots = workers.until_sum("connections", 0)

    counted = {name: total(slots, name) for name in EMPTY[1:]}
    assert counted == {
        "in_flight": 0,
        "connections": 0,
        "accepted": 2,
        "requests": 4,
        "errors": 1,
        "rejected": 1,
        "shed": 0,
    }
    assert [slot["accepting"] for slot in slots] == [1, 1]


@pytest.mark.parametrize("leave", [reset, finish])
def test_in_flight_returns_to_zero(
    workers: Workers, leave: Callable[[socket.socket], None]
) -> None:
    """Clients that go in the middle of a request, a body, an answer."""
    for sent, begun in ((HALF_SENT, False), (LARGE_HALF, False), (get("/stream"), True)):
        with connected(workers.server.address, 2) as wires:
            for wire in wires:
                wire.send(sent)
                if begun:
                    read_begun(wire)
            workers.until_sum("in_flight", 2)
            for wire in wires:
                leave(wire.sock)
        slots = workers.until_sum("connections", 0)
        assert [slot["in_flight"] for slot in slots] == [0, 0]
        assert [slot["held"] for slot in slots] == [[], []]


def test_pipelined_requests_are_counted_one_by_one(workers: Workers) -> None:
    with workers.server.connect() as wire:
        wire.send(get("/quick") * 50)
        for _ in range(50):
            assert wire.response().status == 200
        slots = workers.until_sum("requests", 50)
    slots = workers.until_sum("connections", 0)
    assert total(slots, "in_flight") == 0


def test_requests_in_flight_by_name(workers: Workers) -> None:
    before = now()
    with workers.server.connect() as wire:
        wire.send(HALF_SENT)
        slots = workers.until(lambda slots: bool(held(slots)), "a request is held")
        (request,) = held(slots)
        host, port = wire.sock.getsockname()
        assert request["request"] == "POST /slow"
        assert request["client"] == f"{host}:{port}"
        assert before - TICK <= request["started"] <= now()

        assert wire.ask(b", all").status == 200
        workers.until(lambda slots: not held(slots), "no request is held")


def test_a_long_path_is_cut(workers: Workers) -> None:
    with workers.server.connect() as wire:
        path = b"/slow" + b"x" * 200
        wire.send(HALF_SENT.replace(b"/slow", path))
        slots = workers.until(lambda slots: bool(held(slots)), "a request is held")
        assert held(slots)[0]["request"] == (b"POST " + path)[:96].decode()


def test_more_requests_than_the_table_has_room_for(tmp_path: Path) -> None:
    with (
        forked("asgi", tmp_path, workers=1) as workers,
        connected(workers.server.address, 70) as wires,
    ):
        for wire in wires:
            wire.send(get("/stream"))
            read_begun(wire)
        slots = workers.until_sum("in_flight", 70)
        assert len(held(slots)) == 64
        started = [one["started"] for one in held(slots)]
        assert started == sorted(started)
        for wire in wires:
            wire.close()
        assert held(workers.until_sum("in_flight", 0)) == []


def held(slots: Slots) -> list[dict[str, Any]]:
    """The requests in flight of all slots."""
    return [request for slot in slots for request in slot["held"]]


def test_beat_of_wsgi_threads(tmp_path: Path) -> None:
    """Free while a thread is left; the time of the last call once there is none."""
    with forked("wsgi", tmp_path, workers=1, threads=2) as workers, ExitStack() as stack:
        wires = [stack.enter_context(workers.server.connect()) for _ in range(3)]
        workers.until(is_free, "an idle worker is free")
        enter_block(workers, wires[0], 1)
        assert wires[1].ask(get("/quick")).status == 200
        workers.until(is_free, "the other thread is free")

        before = now()
        enter_block(workers, wires[1], 2)
        wires[2].send(get("/quick"))
        (slot,) = workers.until(lambda slots: not is_free(slots), "no thread is free")
        assert before - TICK <= slot["beat"] <= now()
        beat = slot["beat"]

        workers.release()
        for wire in wires:
            assert wire.response().status == 200
        (slot,) = workers.until(is_free, "both are free again")
        assert slot["beat"] != beat


def test_beat_while_the_interpreter_is_kept(tmp_path: Path) -> None:
    """Threads that stand by are of no use to a worker whose application is in C."""
    with (
        forked("wsgi", tmp_path, workers=1, threads=4) as workers,
        workers.server.connect() as wire,
        workers.server.connect() as other,
    ):
        workers.until(is_free, "an idle worker is free")
        before = now()
        wire.send(get("/compute"))
        workers.until_sum("in_flight", 1)
        other.send(get("/quick"))
        (slot,) = workers.until(lambda slots: not is_free(slots), "the worker is not free")
        assert before - TICK <= slot["beat"] <= now()


def is_free(slots: Slots) -> bool:
    """Whether all workers wait for something to do."""
    return all(slot["beat"] == Slot.FREE for slot in slots)


def enter_block(workers: Workers, wire: Wire, count: int) -> None:
    """Keep one more thread in a call, the ``count``-th."""
    wire.send(get("/block"))
    workers.until_sum("in_flight", count)


def now() -> float:
    """Milliseconds of the clock of beats."""
    return time.monotonic() * 1000


def test_slots_of_their_own() -> None:
    board = Scoreboard(3)
    slots = [board.slot(number) for number in range(3)]
    slots[1].beat()
    assert [bool(slot.read()["beat"]) for slot in slots] == [False, True, False]
    assert board.slot(1).read() == slots[1].read()
    slots[1].clear()
    assert not any(slots[1].read().values())


@pytest.mark.parametrize("slots", [0, 4097])
def test_number_of_slots(slots: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 4096 slots, not {slots}"):
        Scoreboard(slots)


def test_no_such_slot() -> None:
    with pytest.raises(ValueError, match="no slot 2: the scoreboard has 2, numbered from 0"):
        Scoreboard(2).slot(2)


def test_attach_comes_once_and_first() -> None:
    board = Scoreboard(1)
    core = WsgiCore(None, Config.make(), None, 1)
    core.attach(board, 0)
    with pytest.raises(RuntimeError, match="once, and before listen"):
        core.attach(board, 0)
