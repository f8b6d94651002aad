"""How long work has waited for a worker, as its supervisor reads it, to add one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.clients import connected
from tests.kit import Wire, wait_until
from tests.process.conftest import get
from tests.process.slots import Workers, forked

KINDS = {"asgi": ("asgi", 1), "wsgi-1": ("wsgi", 1), "wsgi-4": ("wsgi", 4)}

TICK = 30
"""Milliseconds that a measure may be behind: a tick of the probe, and one of the kernel."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """What serves."""
    name: str = request.param
    return name


@pytest.fixture
def worker(kind: str, tmp_path: Path) -> Iterator[Workers]:
    """One worker that is measured."""
    interface, threads = KINDS[kind]
    with forked(interface, tmp_path, workers=1, threads=threads, measured=True) as workers:
        yield workers


def keep_busy(worker: Workers, kind: str, stack: ExitStack) -> list[Wire]:
    """Clients in calls that do not return, as many as it takes for nobody to be free."""
    wires = [stack.enter_context(worker.server.connect()) for _ in range(KINDS[kind][1])]
    for count, wire in enumerate(wires, 1):
        wire.send(get("/block"))
        wait_for_calls(worker, count)
    return wires


def wait_for_calls(worker: Workers, count: int) -> None:
    """Until so many calls are in the application, and not only on their way."""
    worker.server.stderr.wait(lambda text: text.count("blocks") >= count, f"{count} calls")


def ages(worker: Workers) -> list[int]:
    """Every age that was seen."""
    lines = worker.server.stdout.text().split("\n")[:-1]
    return [json.loads(line)[0]["queue_age"] for line in lines]


def wait_for_age(worker: Workers, least: int) -> int:
    """The age as soon as it is so much."""
    (slot,) = worker.until(lambda slots: slots[0]["queue_age"] >= least, f"age of {least}")
    age: int = slot["queue_age"]
    return age


def wait_for_nobody(worker: Workers) -> None:
    """Until nobody waits."""
    worker.until(lambda slots: slots[0]["queue_age"] == 0, "nobody waits")


def test_it_grows_while_nobody_comes_to_a_new_client(worker: Workers, kind: str) -> None:
    with ExitStack() as stack:
        busy = keep_busy(worker, kind, stack)
        begin = time.monotonic()
        late = stack.enter_context(worker.server.connect())
        late.send(get("/quick"))
        for least in (50, 150, 400):
            wait_for_age(worker, least)
            assert (time.monotonic() - begin) * 1000 >= least - TICK
        worker.release()
        for wire in (*busy, late):
            assert wire.response().status == 200
        wait_for_nobody(worker)


def test_it_grows_for_a_kept_connection(worker: Workers, kind: str) -> None:
    with ExitStack() as stack:
        late = stack.enter_context(worker.server.connect())
        assert late.ask(get("/quick")).status == 200
        busy = keep_busy(worker, kind, stack)
        late.send(get("/quick"))
        wait_for_age(worker, 100)
        worker.release()
        for wire in (*busy, late):
            assert wire.response().status == 200
        wait_for_nobody(worker)


def test_a_call_that_takes_long_is_no_queue(worker: Workers, kind: str) -> None:
    with ExitStack() as stack:
        busy = keep_busy(worker, kind, stack)
        before = len(ages(worker))
        never_waits(worker, before, 0.3)
        worker.release()
        assert all(wire.response().status == 200 for wire in busy)


def test_requests_behind_others_in_one_poll(tmp_path: Path) -> None:
    """A WSGI worker with one thread takes many events at once, and serves one after the other."""
    with (
        forked("wsgi", tmp_path, workers=1, measured=True) as worker,
        connected(worker.server.address, 3) as wires,
    ):
        for wire in wires:
            assert wire.ask(get("/quick")).status == 200
        for wire in wires:
            wire.send(get("/block"))
        wait_for_age(worker, 100)
        for count in (5, 6):
            worker.release()
            worker.until_sum("requests", count)
        worker.release()
        assert all(wire.response().status == 200 for wire in wires)
        wait_for_nobody(worker)


def test_a_timer_that_runs_out_is_no_queue(kind: str, tmp_path: Path) -> None:
    """Nobody takes it while all are in calls; after it, new clients are seen all the same."""
    interface, threads = KINDS[kind]
    settings: dict[str, object] = {"head_timeout": "500ms"}
    with (
        forked(
            interface, tmp_path, workers=1, threads=threads, measured=True, settings=settings
        ) as worker,
        ExitStack() as stack,
    ):
        idle = stack.enter_context(worker.server.connect())
        worker.until_sum("accepted", 1)
        busy = keep_busy(worker, kind, stack)
        wait_until(lambda: timer_has_run_out(worker), "the timer runs out")
        never_waits(worker, len(ages(worker)), 0.3)

        begin = time.monotonic()
        late = stack.enter_context(worker.server.connect())
        late.send(get("/quick"))
        age = wait_for_age(worker, 50)
        assert age <= (time.monotonic() - begin) * 1000 + TICK
        worker.release()
        for wire in (*busy, late):
            assert wire.response().status == 200
        assert idle.rest() == b""
        wait_for_nobody(worker)


def test_off_it_is_0(kind: str, tmp_path: Path) -> None:
    interface, threads = KINDS[kind]
    with (
        forked(interface, tmp_path, workers=1, threads=threads) as worker,
        ExitStack() as stack,
    ):
        busy = keep_busy(worker, kind, stack)
        late = stack.enter_context(worker.server.connect())
        late.send(get("/quick"))
        never_waits(worker, 0, 0.2)
        worker.release()
        for wire in (*busy, late):
            assert wire.response().status == 200


def never_waits(worker: Workers, since: int, seconds: float) -> None:
    """Nobody is said to wait for so long; the reader looks every 2 ms and writes what changes."""
    end = time.monotonic() + seconds
    wait_until(lambda: any(ages(worker)[since:]) or time.monotonic() > end, "the time is over")
    assert not any(ages(worker)[since:])


def timer_has_run_out(worker: Workers) -> bool:
    """Whether a timer of the worker waits to be taken notice of (proc(5), fdinfo)."""
    path = Path(f"/proc/{worker.server.pid}/task/{worker.server.pid}/children")
    (pid,) = path.read_text().split()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = entry.read_text()
        except FileNotFoundError:
            continue
        if "ticks:" in text and "ticks: 0" not in text:
            return True
    return False
