"""``--max-in-flight``: who gets in, who waits in line, and who is turned away."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.hostile.clients import connected, reset
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import KINDS, begin_slow, get, refuses
from tests.process.slots import Slots, Workers, forked

FREE_KINDS = {"asgi": ("asgi", 1), "wsgi-4": ("wsgi", 4)}
"""Those that look after the line while requests are in flight."""

ALL_KINDS = {**FREE_KINDS, "wsgi-1": ("wsgi", 1)}

Start = Callable[..., AbstractContextManager[Workers]]


def starter(kind: str, directory: Path) -> Start:
    """``with start(max_in_flight=…) as worker``: one worker with these settings."""
    interface, threads = ALL_KINDS[kind]

    def start(**settings: object) -> AbstractContextManager[Workers]:
        given = {"health_path": "/health", **settings}
        return forked(interface, directory, workers=1, threads=threads, settings=given)

    return start


@pytest.fixture(params=FREE_KINDS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """With each kind that looks after the line while requests are in flight."""
    return starter(request.param, tmp_path)


@pytest.fixture(params=ALL_KINDS)
def start_any(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """With each kind."""
    return starter(request.param, tmp_path)


def post(path: str, body: bytes = b"half, all") -> bytes:
    """A request of which the last five bytes are a part that may come late."""
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def is_seen(worker: Workers) -> None:
    """Whatever was sent before has been read: a later question is answered."""
    with worker.server.connect() as wire:
        assert wire.ask(get("/health/live")).status == 200


@contextmanager
def in_flight(worker: Workers, path: str = "/slow") -> Iterator[Wire]:
    """A request that the application has until five more bytes come."""
    with worker.server.connect() as wire:
        wire.send(post(path)[:-5])
        worker.until_sum("in_flight", 1)
        yield wire


def wait_for_alone(worker: Workers, name: str) -> None:
    """Until this request, and no other, is in flight."""

    def is_alone(slots: Slots) -> bool:
        return [one["request"] for one in slots[0]["held"]] == [name]

    worker.until(is_alone, f"{name} alone is in flight")


def test_first_come_first_served(start: Start) -> None:
    with start(max_in_flight=1) as worker, ExitStack() as stack:
        wires = [stack.enter_context(in_flight(worker, "/slow-0"))]
        for number in range(1, 5):
            wires.append(stack.enter_context(worker.server.connect()))
            wires[-1].send(post(f"/slow-{number}")[:-5])
            is_seen(worker)
        for number, wire in enumerate(wires):
            wait_for_alone(worker, f"POST /slow-{number}")
            assert wire.ask(b", all").status == 200
        (slot,) = worker.until_sum("in_flight", 0)
        assert (slot["requests"], slot["shed"], slot["queue_age"]) == (5, 0, 0)


def test_the_age_of_the_line(start: Start) -> None:
    with start(max_in_flight=1) as worker, in_flight(worker) as busy:
        assert worker.now()[0]["queue_age"] == 0
        with worker.server.connect() as late:
            late.send(get("/quick"))
            worker.until(lambda slots: slots[0]["queue_age"] >= 100, "somebody waits")
            assert busy.ask(b", all").status == 200
            assert late.response().status == 200
        worker.until(lambda slots: slots[0]["queue_age"] == 0, "nobody waits")


def test_beyond_the_line_it_is_503(start: Start) -> None:
    with (
        start(max_in_flight=1, max_queued=1, queue_timeout="60s") as worker,
        in_flight(worker) as busy,
        worker.server.connect() as waiting,
        worker.server.connect() as wire,
    ):
        waiting.send(get("/quick"))
        is_seen(worker)
        answer = wire.ask(get("/quick"))
        assert (answer.status, answer.header("retry-after")) == (503, "60")
        assert answer.framing == "length"
        assert not answer.says("close")
        # Bodies are read over, and the connection goes on by the usual rules.
        assert wire.ask(post("/quick", bytes(1000))).status == 503
        head = wire.ask(get("/quick").replace(b"GET", b"HEAD"), "HEAD")
        assert (head.status, head.body) == (503, b"")
        wire.send(get("/quick") * 10)
        assert [wire.response().status for _ in range(10)] == [503] * 10
        (slot,) = worker.until_sum("shed", 13)
        assert (slot["requests"], slot["errors"], slot["rejected"]) == (1, 0, 0)

        assert busy.ask(b", all").status == 200
        assert waiting.response().status == 200
        assert wire.ask(get("/quick")).status == 200


def test_a_refusal_closes_where_it_must(start: Start) -> None:
    with start(max_in_flight=1, max_queued=0) as worker, in_flight(worker):
        for request in (
            b"GET /quick HTTP/1.0\r\n\r\n",
            b"GET /quick HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
            b"POST /quick HTTP/1.1\r\nHost: test\r\nContent-Length: 9000000\r\n\r\n",
        ):
            with worker.server.connect() as wire:
                answer = wire.ask(request)
                assert (answer.status, answer.says("close"), wire.rest()) == (503, True, b"")
        with worker.server.connect() as wire:
            assert wire.ask(b"GET /quick HTTP/1.1\r\n\r\n").status == 400, "what is wrong stays so"


def test_the_time_in_line_is_bounded(start: Start) -> None:
    with (
        start(max_in_flight=1, queue_timeout="200ms") as worker,
        in_flight(worker) as busy,
        worker.server.connect() as wire,
    ):
        for _ in range(2):
            begin = time.monotonic()
            answer = wire.ask(get("/quick"))
            assert (answer.status, answer.header("retry-after")) == (503, "1")
            assert time.monotonic() - begin >= 0.2
        assert busy.ask(b", all").status == 200
        assert wire.ask(get("/quick")).status == 200


def test_who_has_left_is_passed_over(start: Start) -> None:
    """A reset is the end; one that has only sent its end may still read."""
    with start(max_in_flight=1) as worker, in_flight(worker) as busy, ExitStack() as stack:
        wires = [stack.enter_context(worker.server.connect()) for _ in range(3)]
        for wire in wires:
            wire.send(get("/quick"))
            is_seen(worker)
        reset(wires[0].sock)
        wires[1].half_close()
        assert busy.ask(b", all").status == 200
        assert wires[1].response().status == 200
        assert wires[2].response().status == 200
        (slot,) = worker.until_sum("requests", 3)
        assert slot["shed"] == 0


def test_all_who_wait_may_leave(start: Start) -> None:
    with start(max_in_flight=1, max_queued=2) as worker, in_flight(worker) as busy:
        for _ in range(3):
            with connected(worker.server.address, 2) as wires:
                for wire in wires:
                    wire.send(get("/quick"))
                is_seen(worker)
                for wire in wires:
                    reset(wire.sock)
            worker.until_sum("connections", 1)
        assert busy.ask(b", all").status == 200
        with worker.server.connect() as wire:
            assert wire.ask(get("/quick")).status == 200
        (slot,) = worker.until_sum("requests", 2)
        assert (slot["shed"], slot["queue_age"]) == (0, 0)


def test_a_call_goes_on_though_its_client_has_left(start: Start) -> None:
    """So it still counts: clients that come and go must not pile up calls."""
    with start(max_in_flight=1) as worker:
        with worker.server.connect() as gone:
            gone.send(get("/wait"))
            worker.until_sum("in_flight", 1)
            reset(gone.sock)
        worker.until_sum("connections", 0)
        with worker.server.connect() as wire:
            wire.send(get("/quick"))
            worker.until(lambda slots: slots[0]["queue_age"] > 0, "it waits")
            worker.release()
            assert wire.response().status == 200


def test_idle_connections_and_health_do_not_count(start: Start) -> None:
    with (
        start(max_in_flight=1, max_queued=0) as worker,
        connected(worker.server.address, 5) as wires,
    ):
        for wire in wires:
            assert wire.ask(get("/quick")).status == 200
        with in_flight(worker):
            for wire in wires:
                assert wire.ask(get("/health/ready")).status == 200
            assert wires[0].ask(get("/quick")).status == 503


def test_a_failing_application_makes_room(start_any: Start) -> None:
    with start_any(max_in_flight=1, max_queued=0) as worker:
        for _ in range(3):
            with worker.server.connect() as wire:
                assert wire.ask(get("/fail")).status == 500
        (slot,) = worker.until_sum("errors", 3)
        assert slot["shed"] == 0


@pytest.mark.parametrize("queued", [1000, 3])
def test_many_clients(start_any: Start, queued: int) -> None:
    """Nobody is forgotten, and everybody is counted."""
    clients, requests = 16, 40
    with start_any(max_in_flight=2, max_queued=queued, queue_timeout="60s") as worker:

        def ask_often(_: int) -> list[int]:
            with worker.server.connect(deadline=30) as wire:
                return [wire.ask(get("/quick")).status for _ in range(requests)]

        with ThreadPoolExecutor(clients) as pool:
            statuses = [status for seen in pool.map(ask_often, range(clients)) for status in seen]

        assert set(statuses) <= ({200} if queued == 1000 else {200, 503})
        (slot,) = worker.until_sum("requests", statuses.count(200))
        (slot,) = worker.until_sum("connections", 0)
        assert slot["shed"] == statuses.count(503)
        assert (slot["in_flight"], slot["queue_age"]) == (0, 0)


def test_one_thread_looks_after_the_line_between_calls(tmp_path: Path) -> None:
    with (
        starter("wsgi-1", tmp_path)(max_in_flight=1, max_queued=2, queue_timeout="60s") as worker,
        worker.server.connect() as busy,
        connected(worker.server.address, 6) as wires,
    ):
        for wire in wires:
            assert wire.ask(get("/quick")).status == 200
        busy.send(get("/block"))
        worker.until_sum("in_flight", 1)
        for wire in wires:
            wire.send(get("/quick"))
        worker.release()
        assert busy.response().status == 200
        # One is called in, two wait, and that is known of all before the first call.
        statuses = sorted(wire.response().status for wire in wires)
        assert statuses == [200] * 3 + [503] * 3


def test_one_thread_keeps_the_time(tmp_path: Path) -> None:
    """Who was read before a long call is turned away after it, if the time is over."""
    with (
        starter("wsgi-1", tmp_path)(max_in_flight=1, queue_timeout="200ms") as worker,
        worker.server.connect() as busy,
        connected(worker.server.address, 2) as wires,
    ):
        for wire in (busy, *wires):
            assert wire.ask(get("/quick")).status == 200
        busy.send(get("/block"))
        worker.until_sum("in_flight", 1)
        for wire in wires:
            wire.send(get("/block"))
        worker.release()
        assert busy.response().status == 200
        worker.until(lambda slots: slots[0]["queue_age"] >= 300, "one waits for too long")
        worker.release()
        assert sorted(wire.response().status for wire in wires) == [200, 503]


@pytest.mark.parametrize("kind", ["asgi-asyncio", "asgi-uvloop", "wsgi-8"])
def test_a_stop_serves_who_waits(kind: str) -> None:
    app, *more = KINDS[kind]
    options = ("--max-in-flight", "1", "--health-path", "/health")
    with (
        serve(app, *more, *options, app_dir=ROOT) as server,
        begin_slow(server) as busy,
        server.connect() as late,
    ):
        late.send(get("/quick"))
        assert asked_health(server) == 200
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server), "new connections are refused")
        assert busy.ask(b"2").body == b"slow"
        answer = late.response()
        assert (answer.body, answer.says("close")) == (b"quick", True)
        assert server.wait_exit() == 0


def asked_health(server: Server) -> int:
    """An answer that comes after all that was sent before has been read."""
    with server.connect() as wire:
        return wire.ask(get("/health/ready")).status
