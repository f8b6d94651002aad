"""The paths of ``--health-path``, and how they change when a server is told to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT
from tests.kit.response import Response
from tests.process.conftest import KINDS, Start, begin_slow, get, refuses

PATHS = ("--health-path", "/health")
LONG = ("--drain-delay", "60s")


def status_of(server: Server, path: str = "/health/ready") -> int:
    """The status that a new connection gets."""
    with server.connect() as wire:
        return wire.ask(get(path)).status


def test_both_paths_are_answered_without_the_application(start: Start) -> None:
    with start(*PATHS) as server, server.connect() as wire:
        for path in ("/health/live", "/health/ready?from=probe"):
            answer = wire.ask(get(path))
            assert (answer.status, answer.body) == (200, b"ok\n")
            assert answer.header("cache-control") == "no-store"
            assert answer.framing == "length"
        assert wire.ask(get("/quick")).body == b"quick"
        # Whatever else is below belongs to the application, and this one has nothing there.
        assert wire.ask(get("/health/other")).status == 500


def test_off_by_default(start: Start) -> None:
    with start() as server:
        assert status_of(server) == 500


def test_head_has_no_body_and_other_methods_are_refused(start: Start) -> None:
    with start(*PATHS) as server, server.connect() as wire:
        head = wire.ask(get("/health/live").replace(b"GET", b"HEAD"), "HEAD")
        assert (head.status, head.header("content-length")) == (200, "3")
        post = wire.ask(
            b"POST /health/live HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
        )
        assert (post.status, post.header("allow")) == (405, "GET, HEAD")
        assert wire.ask(get("/health/live")).status == 200, "the body is out of the way"


def test_the_framing_rules_are_those_of_any_request(start: Start) -> None:
    with start(*PATHS) as server:
        with server.connect() as wire:
            assert wire.ask(b"GET /health/live HTTP/1.1\r\n\r\n").status == 400, "no Host"
        with server.connect() as wire:
            assert (
                wire.ask(b"GET http://a.test/health/live HTTP/1.1\r\nHost: b\r\n\r\n").status == 200
            )
        with server.connect() as wire:
            answer = wire.ask(b"GET /health/live HTTP/1.0\r\n\r\n")
            assert (answer.status, answer.says("close"), wire.rest()) == (200, True, b"")
        with server.connect() as wire:
            wire.send(get("/health/live") * 50 + get("/quick") + get("/health/ready"))
            statuses = [wire.response().status for _ in range(52)]
            assert statuses == [200] * 52
        with server.connect() as wire:
            wire.send(get("/health/live"))
            wire.half_close()
            assert (wire.response().status, wire.rest()) == (200, b"")


def test_health_is_in_the_access_log_unless_excluded(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", "%(m)s %(U)s %(s)s")
    exclude = ("--access-log-exclude", "/health/live")
    with start(*PATHS, *options, *exclude) as server:
        assert [status_of(server, f"/health/{name}") for name in ("live", "ready")] == [200, 200]
    assert log.read_text().splitlines() == ["GET /health/ready 200"]


def test_without_a_supervisor_the_delay_serves_on(start: Start) -> None:
    with start(*PATHS, "--drain-delay", "1s") as server:
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: status_of(server) == 503, "not ready")
        assert status_of(server, "/health/live") == 200
        with server.connect() as wire:
            answer = wire.ask(get("/quick"))
            assert answer.body == b"quick"
            assert not answer.says("close")
        assert server.wait_exit() == 0
        assert time.monotonic() - begin >= 1.0


def test_interrupt_skips_the_delay(start: Start) -> None:
    with start(*PATHS, *LONG) as server:
        assert server.stop(signal.SIGINT) == 0


def test_a_second_signal_ends_the_delay(start: Start) -> None:
    with start(*PATHS, *LONG) as server:
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: status_of(server) == 503, "not ready")
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == -signal.SIGTERM


@pytest.fixture(params=["asgi-asyncio", "wsgi-8"])
def kind(request: pytest.FixtureRequest) -> str:
    """An interface; one that answers while a request is in flight."""
    name: str = request.param
    return name


def test_a_kept_connection_learns_that_the_server_drains(kind: str) -> None:
    """A drain gives each open connection its last answer: live is 200 then, and ready 503."""
    for path, status, body in (("live", 200, b"ok\n"), ("ready", 503, b"draining\n")):
        app, *more = KINDS[kind]
        with (
            serve(app, *more, *PATHS, app_dir=ROOT) as server,
            begin_slow(server) as busy,
            server.connect() as wire,
        ):
            wire.send(get(f"/health/{path}")[:-2])  # a head that is not whole keeps it open
            assert status_of(server) == 200, "the server has read the half"
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(server), "new connections are refused")
            answer = wire.ask(b"\r\n")
            assert (answer.status, answer.body, answer.says("close")) == (status, body, True)
            assert busy.ask(b"2").body == b"slow"
            assert server.wait_exit() == 0


@contextmanager
def supervised(kind: str, *options: str) -> Iterator[Server]:
    """Two workers."""
    app, *more = KINDS[kind]
    with serve(app, *more, *PATHS, "--workers", "2", *options, app_dir=ROOT) as server:
        yield server


def ready_of_kept(wires: list[Wire]) -> list[Response]:
    """What several connections, so several workers, say."""
    return [wire.ask(get("/health/ready")) for wire in wires]


def test_all_workers_say_so_at_once(kind: str) -> None:
    """Connections are spread over the workers; each sees the flag without being told."""
    with supervised(kind, "--drain-delay", "2s") as server:
        wires = [server.connect() for _ in range(6)]
        assert [answer.status for answer in ready_of_kept(wires)] == [200] * 6
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: status_of(server) == 503, "not ready")
        answers = ready_of_kept(wires)
        assert [(answer.status, answer.says("close")) for answer in answers] == [(503, False)] * 6
        assert wires[0].ask(get("/quick")).body == b"quick"
        assert server.wait_exit() == 0
        assert time.monotonic() - begin >= 2.0
        for wire in wires:
            wire.close()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_second_signal_to_the_supervisor_does_not_wait(kind: str, second: signal.Signals) -> None:
    with supervised(kind, *LONG) as server:
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: status_of(server) == 503, "not ready")
        code = server.stop(second)
        assert code == (1 if second == signal.SIGTERM else 0)


def test_a_quick_stop_skips_the_delay(kind: str) -> None:
    with supervised(kind, *LONG) as server:
        assert server.stop(signal.SIGQUIT) == 0


def test_workers_are_replaced_during_the_delay(kind: str) -> None:
    """And the new one knows that the server is to stop."""
    with supervised(kind, *LONG, "--max-requests", "20") as server:
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: status_of(server) == 503, "not ready")
        for _ in range(100):
            assert status_of(server, "/quick") == 200
        assert status_of(server) == 503
        server.send_signal(signal.SIGQUIT)
        assert server.wait_exit() == 0


def test_a_worker_that_retires_does_not_alarm(kind: str) -> None:
    """Others serve the same addresses, so a load balancer must not take the server out."""
    with supervised(kind) as server, server.connect() as wire:
        assert wire.ask(get("/health/ready")).status == 200
        server.send_signal(signal.SIGHUP)
        seen: list[Response] = []

        def told_to_close() -> bool:
            seen.append(wire.ask(get("/health/ready")))
            return seen[-1].says("close")

        wait_until(told_to_close, "the worker retires")
        assert {answer.status for answer in seen} == {200}
