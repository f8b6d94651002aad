"""Workers on one socket: connections spread evenly, and none waits for a worker that is stuck."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.clients import connected
from tests.kit import Wire
from tests.process.conftest import get, read_begun
from tests.process.slots import Slots, Workers, forked

BOTH = pytest.mark.parametrize("interface", ["asgi", "wsgi"])


@BOTH
def test_keep_alive_connections_spread(interface: str, tmp_path: Path) -> None:
    with (
        forked(interface, tmp_path, workers=8) as workers,
        connected(workers.server.address, 64) as wires,
    ):
        served = Counter(wire.ask(get("/quick")).body for wire in wires)

        held = even(workers.until_sum("connections", 64))
        assert sorted(served.values()) == held


@BOTH
def test_a_worker_that_lost_its_clients_gets_new_ones(interface: str, tmp_path: Path) -> None:
    with forked(interface, tmp_path, workers=2) as workers, ExitStack() as stack:
        wires = [stack.enter_context(workers.server.connect()) for _ in range(20)]
        even(workers.until_sum("connections", 20))
        mine = [wire for wire in wires if wire.ask(get("/quick")).body == b"0"]
        for wire in mine:
            wire.close()
        workers.until_sum("connections", 20 - len(mine))

        with connected(workers.server.address, len(mine)):
            even(workers.until_sum("connections", 20))


@BOTH
def test_nobody_waits_for_a_worker_in_a_call(interface: str, tmp_path: Path) -> None:
    """The blocked worker has the fewest connections; after each answer they are as few again."""
    with forked(interface, tmp_path, workers=2) as workers, ExitStack() as stack:
        blocked = stack.enter_context(block(workers))
        for _ in range(30):
            with workers.server.connect() as wire:
                assert wire.ask(get("/quick")).status == 200
        workers.release()
        assert blocked.response().status == 200


def test_nobody_waits_for_the_least_busy_in_a_call(tmp_path: Path) -> None:
    """By its requests in flight the blocked worker should have each of them."""
    with forked("asgi", tmp_path, workers=2) as workers, ExitStack() as stack:
        blocked = stack.enter_context(block(workers))
        for _ in range(30):
            wire = stack.enter_context(workers.server.connect())
            wire.send(get("/stream"))
            read_begun(wire)
        slots = workers.until_sum("in_flight", 31)
        assert sorted(slot["in_flight"] for slot in slots) == [1, 30]
        workers.release()
        assert blocked.response().status == 200


def even(slots: Slots) -> list[int]:
    """How many connections the workers have, checked to be about the same."""
    held = sorted(slot["connections"] for slot in slots)
    assert held[-1] <= 1.3 * held[0], f"connections of each worker: {held}"
    return held


def block(workers: Workers) -> Wire:
    """A client whose request keeps a worker in a call until the workers are released."""
    wire = workers.server.connect()
    wire.send(get("/block"))
    workers.until_sum("in_flight", 1)
    return wire
