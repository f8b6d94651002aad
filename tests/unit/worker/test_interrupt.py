"""Calls of a WSGI application that are interrupted: the right one, in time, and no other."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from tests.kit import BadResponseError, Wire, wait_until

from tricorn import Config, RequestTimeout
from tricorn._core import WsgiCore
from tricorn.net.listen import open_listeners
from tricorn.worker.hooks import Hooks
from tricorn.worker.wsgi import WsgiService

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
LARGE = 100_000


class Told(Hooks):
    """Keeps the errors of the application."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.errors: list[str] = []

    def app_error(self, error: BaseException, scope: Environ, gone: bool) -> None:
        self.errors.append(type(error).__name__)


class Running:
    """A core that serves in threads of this process."""

    def __init__(self, app: App, threads: int = 1, **settings: object) -> None:
        config = Config.make(port=0, threads=threads, **({"request_timeout": 60} | settings))
        [self.listener] = open_listeners(config.listen)
        self.hooks = Told()
        self.core = WsgiCore(app, config, self.hooks, threads)
        self.core.listen(self.listener.sock.fileno(), ("127.0.0.1", "0"), True)
        self._threads = [threading.Thread(target=self.core.run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def connect(self) -> Wire:
        """A connection to it."""
        return Wire.connect(self.listener.sock.getsockname())

    def number(self) -> int:
        """The number of the only call that runs."""
        [(number, *_)] = wait_until(self.core.in_flight, "a call")
        return number

    def close(self) -> None:
        """End it; all calls must have returned."""
        self.listener.close()
        self.core.stop()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


@contextmanager
def running(app: App, threads: int = 1, **settings: object) -> Iterator[Running]:
    """Serve ``app`` inside the block."""
    server = Running(app, threads, **settings)
    try:
        yield server
    finally:
        server.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def spin() -> None:
    while True:
        pass


def answer(start_response: Callable[..., Any], body: bytes = b"fine") -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def test_no_account_is_kept_without_a_setting() -> None:
    seen: list[object] = []

    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(server.core.in_flight())
        return answer(start_response)

    with running(app, request_timeout=0) as server, server.connect() as wire:
        assert wire.ask(get("/")).status == 200
    assert seen == [[]]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_call_is_interrupted(threads: int) -> None:
    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/spin":
            spin()
        return answer(start_response)

    with running(app, threads) as server:
        with server.connect() as wire:
            wire.send(get("/spin"))
            number = server.number()
            assert server.core.interrupt(number, RequestTimeout)
            assert wire.response().status == 504
        wait_until(lambda: not server.core.in_flight(), "the end of the call")
        assert not server.core.interrupt(number, RequestTimeout), "it has ended"
        server.core.give_up(number)
        with server.connect() as wire:
            assert wire.ask(get("/")).status == 200
    assert server.hooks.errors == ["RequestTimeout"]


def test_a_call_that_answers_by_itself() -> None:
    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        try:
            spin()
        except RequestTimeout as error:
            return answer(start_response, str(error).encode())
        raise AssertionError

    with running(app) as server, server.connect() as wire:
        wire.send(get("/"))
        assert server.core.interrupt(server.number(), RequestTimeout)
        response = wire.response()
        assert (response.status, response.body) == (
            200,
            b"the request took longer than --request-timeout",
        )
    assert server.hooks.errors == []


def test_a_stream_is_cut() -> None:
    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"begun"
        spin()

    with running(app) as server, server.connect() as wire:
        wire.send(get("/"))
        wait_until(lambda: wire.incoming.fill() and b"begun" in wire.incoming.buffer, "a piece")
        assert server.core.interrupt(server.number(), RequestTimeout)
        with pytest.raises((BadResponseError, ConnectionResetError)):
            wire.response()
    assert server.hooks.errors == ["RequestTimeout"]


class Result:
    """An iterable whose `close` is C code alone: no bytecode follows it in the thread."""

    def __init__(self, close: Callable[[], object]) -> None:
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"fine"])


@pytest.mark.parametrize("threads", [1, 4])
def test_an_exception_that_comes_too_late_is_taken_back(threads: int) -> None:
    """It is set by the last thing that the call does; nobody must get it afterwards."""

    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "4")])
        if environ["PATH_INFO"] == "/late":
            here = threading.get_ident()
            [number] = [one[0] for one in server.core.in_flight() if one[1] == here]
            return Result(partial(server.core.interrupt, number, RequestTimeout))
        return [b"fine"]

    with running(app, threads) as server, server.connect() as wire:
        for _ in range(50):
            for path in ("/late", "/next"):
                response = wire.ask(get(path))
                assert (response.status, response.body) == (200, b"fine"), path
    assert server.hooks.errors == []


def test_one_that_is_given_up_answers_no_more() -> None:
    gate = threading.Event()

    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        gate.wait(20)
        return answer(start_response)

    with running(app) as server, server.connect() as wire:
        wire.send(get("/"))
        server.core.give_up(server.number())
        assert wire.response().status == 504
        assert server.core.in_flight(), "the thread is still in it"
        gate.set()
        assert wire.ended()
    assert server.hooks.errors in ([], ["ClientDisconnected"])


def test_waiting_for_the_client_does_not_count() -> None:
    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        size = 0
        while piece := environ["wsgi.input"].read(LARGE):
            size += len(piece)
        return answer(start_response, str(size).encode())

    def stands_still() -> bool:
        before, after = server.core.in_flight(), server.core.in_flight()
        return bool(before) and before[0][3] == after[0][3]

    with running(app) as server, server.connect() as wire:
        head = f"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {LARGE}\r\n\r\n"
        wire.send(head.encode() + bytes(LARGE - 1))
        wait_until(stands_still, "a call that waits for its client")
        assert not server.core.interrupt(server.number(), RequestTimeout)
        wire.send(b"x")
        assert wire.response().body == str(LARGE).encode()


def test_a_suspended_stream_keeps_its_number() -> None:
    numbers: set[int] = set()
    pieces = 100

    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(pieces * LARGE))])
        for _ in range(pieces):
            numbers.update(one[0] for one in server.core.in_flight())
            yield bytes(LARGE)

    with running(app) as server, server.connect() as wire:
        wire.send(get("/"))
        wait_until(lambda: numbers and not server.core.in_flight(), "a stream that is put aside")
        assert len(wire.response().body) == pieces * LARGE
    assert len(numbers) == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_requests_that_end_just_then(threads: int) -> None:
    """Calls that take about as long as they may: each is answered once, and hits no other."""
    settings = Config.make(port=0, threads=threads, request_timeout="20ms")
    clock = time.monotonic
    draw = random.Random(7)

    def app(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        end = clock() + float(environ["QUERY_STRING"] or 0)
        while clock() < end:
            pass
        return answer(start_response, environ["PATH_INFO"].encode())

    listeners = open_listeners(settings.listen)
    address = listeners[0].sock.getsockname()
    service = WsgiService(app, settings)
    service.start(listeners)
    counts = {200: 0, 504: 0}
    try:
        for number in range(50):
            with Wire.connect(address) as wire:
                response = wire.ask(get(f"/{number}?{draw.uniform(0.015, 0.08)}"))
                counts[response.status] += 1
                if response.status == 200:
                    assert response.body == f"/{number}".encode()
            with Wire.connect(address) as wire:
                for _ in range(3):
                    response = wire.ask(get("/quick"))
                    assert (response.status, response.body) == (200, b"/quick")
    finally:
        service.stop(listeners)
    assert counts[200] > 0
    assert counts[504] > 0
