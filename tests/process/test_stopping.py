"""SIGTERM and SIGINT: what is in flight is finished, the rest ends at once, and the exit codes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import Start, begin_slow, get, handles, read_begun, refuses

EACH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])


@pytest.fixture(autouse=True, params=[signal.SIG_DFL], ids=[""])
def hang_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a server inherits for SIGHUP; who runs the tests may have had it ignored."""
    earlier = signal.signal(signal.SIGHUP, request.param)
    yield
    signal.signal(signal.SIGHUP, earlier)


@EACH
def test_an_idle_server_ends_with_0(start: Start, number: signal.Signals) -> None:
    with start() as server:
        with server.connect() as wire:
            assert wire.ask(get("/quick")).body == b"quick"
        assert server.stop(number) == 0
        assert "Traceback" not in server.stderr.text()


@EACH
def test_a_request_in_flight_is_finished(start: Start, number: signal.Signals) -> None:
    with start() as server, begin_slow(server) as wire:
        server.send_signal(number)
        wait_until(lambda: refuses(server), "new connections are refused")
        assert server.running()

        answer = wire.ask(b"2")

        assert answer.body == b"slow"
        assert answer.says("close")
        assert wire.rest() == b""
        assert server.wait_exit() == 0


@pytest.mark.parametrize("hang_up", [signal.SIG_IGN], indirect=True, ids=["ignored"])
def test_who_ignores_hang_ups_goes_on(start: Start) -> None:
    """As nohup(1) has it."""
    with start() as server:
        assert not handles(server, signal.SIGHUP)
        server.send_signal(signal.SIGHUP)
        with server.connect() as wire:
            assert wire.ask(get("/quick")).body == b"quick"
        assert server.stop() == 0


def test_a_unix_socket_is_removed_at_once(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with start(binds=(f"unix:{path}",)) as server, begin_slow(server) as wire:
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: not path.exists(), "the socket file is gone")
        assert wire.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0


def test_idle_connections_are_closed_at_once(start: Start) -> None:
    with start("--keep-alive", "60s") as server, server.connect() as idle:
        assert idle.ask(get("/quick")).status == 200
        with begin_slow(server) as busy:
            server.send_signal(signal.SIGTERM)
            assert idle.rest() == b""
            assert server.running()
            assert busy.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0


TRIES = 5
LAST_CALL = 0.8
"""Seconds, somewhat less than what a new connection has for its first request."""


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_a_request_on_its_way_is_answered(start: Start, options: tuple[str, ...]) -> None:
    """Its client has connected in time, and could not know."""
    for _ in range(TRIES):
        with start(*options) as server, begin_slow(server) as busy:
            with server.connect() as new, server.connect() as other:
                begin = time.monotonic()
                if "1 thread" not in server.stderr.text():  # which is busy
                    assert other.ask(get("/quick")).status == 200, "so both are accepted"
                server.send_signal(signal.SIGTERM)
                wait_until(partial(refuses, server), "the stop has begun")
                in_time = time.monotonic() - begin < LAST_CALL
                new.send(get("/quick"))
                busy.ask(b"2")
                answer = new.response() if in_time else None
            assert server.wait_exit() == 0
            if answer:
                assert answer.body == b"quick"
                assert answer.says("close")
                return
    pytest.skip("this machine is too slow for it now")


def test_a_new_connection_without_a_request_is_closed_soon(start: Start) -> None:
    with start("--head-timeout", "30s") as server, server.connect() as new:
        with server.connect() as other:
            assert other.ask(get("/quick")).status == 200, "so both are accepted"
        server.send_signal(signal.SIGTERM)
        assert new.rest() == b""
        assert server.wait_exit() == 0


@EACH
def test_a_second_signal_ends_an_open_stream(start: Start, number: signal.Signals) -> None:
    with start() as server, server.connect() as wire:
        wire.send(get("/stream"))
        read_begun(wire)
        server.send_signal(number)
        wait_until(lambda: refuses(server), "new connections are refused")
        assert server.running()
        server.send_signal(number)
        assert server.wait_exit(deadline=5) == -number


@EACH
def test_a_second_signal_ends_an_application_in_c(start: Start, number: signal.Signals) -> None:
    """The first can't be acted on: nothing of Python runs. The kernel has taken note, though."""
    with start() as server, server.connect() as wire:
        wire.send(get("/compute"))
        server.stderr.wait(lambda text: "compute begins" in text, "compute begins")
        server.send_signal(number)
        wait_until(lambda: not handles(server, number), "the kernel has reset the handler")
        assert server.running()
        server.send_signal(number)
        assert server.wait_exit(deadline=5) == -number


def test_the_graceful_timeout_ends_what_does_not_end(start: Start) -> None:
    with start("--graceful-timeout", "200ms") as server, server.connect() as wire:
        wire.send(get("/stream"))
        read_begun(wire)
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert time.monotonic() - begin >= 0.2


def test_asgi_requests_are_cancelled_after_the_graceful_timeout() -> None:
    with serve("tests.process.app_asgi:app", "--graceful-timeout", "1ms", app_dir=ROOT) as server:
        with server.connect() as wire:
            wire.send(get("/stream"))
            read_begun(wire)
            assert server.stop() == 0
        assert "stream cancelled" in server.stderr.text()


def test_a_request_that_is_cut_off_is_no_failure() -> None:
    """Its client is told that the server stops."""
    options = ("--graceful-timeout", "100ms")
    app = "tests.process.app_asgi:app"
    with serve(app, *options, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        server.stderr.wait(lambda text: "slow begins" in text, "a request in flight")
        assert server.stop() == 0
        assert wire.response().status == 503


def test_the_lifespan_ends_after_the_last_request() -> None:
    with serve("tests.process.app_asgi:app", app_dir=ROOT) as server:
        with begin_slow(server) as wire:
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(server), "new connections are refused")
            assert wire.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0
        text = server.stderr.text()
        assert 0 < text.index("slow ends") < text.index("lifespan ends")


def test_the_shutdown_extension_ends_a_stream_well() -> None:
    with serve("tests.process.app_asgi:app", app_dir=ROOT) as server, server.connect() as wire:
        wire.send(get("/events"))
        read_begun(wire)
        server.send_signal(signal.SIGTERM)
        answer = wire.response()
        assert answer.body == b"begun, ended"
        assert answer.framing == "chunked"
        assert server.wait_exit() == 0


def test_a_signal_that_another_thread_is_given(start: Start) -> None:
    """The kernel picks any thread of a process that is just being continued."""
    with start() as server:
        server.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(server) == "T", "the process is stopped")
        server.send_signal(signal.SIGCONT)
        assert server.stop() == 0


def state_of(server: Server) -> str:
    """The letter of the process's state (proc(5), stat)."""
    return Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[0]
