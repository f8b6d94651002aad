"""The server inside a running event loop, as a test suite or a larger program embeds it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.kit import Response, Wire
from tests.kit.wire import Address

from tricorn import BindError, Config, LifespanError, Server

REQUEST = b"GET /here HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Drive = Callable[[Coroutine[Any, Any, None]], None]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def drive(request: pytest.FixtureRequest) -> Drive:
    """Run a coroutine to its end in an event loop of each kind."""

    def run(test: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(test)

    return run


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Answer with the path."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1")]


def config(**settings: object) -> Config:
    """Settings for a server on a free port, unless it is told an address."""
    return Config.make(**({"port": 0} | settings if "bind" not in settings else settings))


def address_of(shown: str) -> Address:
    """The address in the form that the kit connects to."""
    if shown.startswith("unix:"):
        return Path(shown.removeprefix("unix:"))
    found = re.fullmatch(r"http://(.+):(\d+)", shown)
    assert found, shown
    return found[1], int(found[2])


async def ask(shown: str, path: bytes = b"/here") -> Response:
    """One request from another thread, since this one runs the server."""

    def exchange() -> Response:
        with Wire.connect(address_of(shown)) as wire:
            return wire.ask(REQUEST.replace(b"/here", path))

    return await asyncio.to_thread(exchange)


def refused(shown: str) -> bool:
    """Whether nobody listens on a TCP address."""
    address = address_of(shown)
    assert isinstance(address, tuple)
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("app", [asgi_app, wsgi_app])
def test_block_serves_and_gives_the_address(drive: Drive, app: Any) -> None:
    async def test() -> None:
        server = Server(app, config())
        assert not server.started
        async with server as addresses:
            assert server.started
            assert addresses == server.addresses
            assert (await ask(addresses[0])).body == b"/here"
            assert server.stats()["requests"] == 1
        assert not server.started
        assert refused(addresses[0])

    drive(test())


def test_block_gives_every_address(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def test() -> None:
        async with Server(asgi_app, config(bind=("127.0.0.1:0", f"unix:{path}"))) as addresses:
            assert addresses[1] == f"unix:{path}"
            for address in addresses:
                assert (await ask(address)).body == b"/here"
        assert not path.exists()

    drive(test())


def test_serve_until_shutdown(drive: Drive) -> None:
    async def test() -> None:
        server = Server(asgi_app, config())
        ready = asyncio.Event()
        serving = asyncio.create_task(server.serve(lambda _: ready.set()))
        await ready.wait()
        assert server.started
        assert (await ask(server.addresses[0])).status == 200
        server.shutdown()
        await serving
        assert not server.started
        assert refused(server.addresses[0])

    drive(test())


def test_shutdown_from_another_thread(drive: Drive) -> None:
    async def test() -> None:
        server = Server(asgi_app, config())

        def on_ready(server: Server) -> None:
            threading.Thread(target=server.shutdown).start()

        await server.serve(on_ready)
        assert not server.started

    drive(test())


@pytest.mark.parametrize("app", [asgi_app, wsgi_app])
def test_the_delay_before_a_drain_can_be_cut_short(drive: Drive, app: Any) -> None:
    async def test() -> None:
        server = Server(app, config(drain_delay="60s", health_path="/health"))
        ready = asyncio.Event()
        serving = asyncio.create_task(server.serve(lambda _: ready.set()))
        await ready.wait()
        address = server.addresses[0]
        server.shutdown()
        while (await ask(address, b"/health/ready")).status == 200:
            pass
        assert (await ask(address)).body == b"/here"
        server.shutdown(delay=False)
        await serving
        assert refused(address)

    drive(test())


def test_shutdown_before_serve_serves_nothing(drive: Drive) -> None:
    async def test() -> None:
        server = Server(asgi_app, config())
        server.shutdown()
        await server.serve(lambda _: pytest.fail("it served"))
        assert server.addresses == []

    drive(test())


def test_shutdown_after_the_end_does_nothing(drive: Drive) -> None:
    server = Server(asgi_app, config())

    async def test() -> None:
        async with server:
            pass
        server.shutdown()

    drive(test())
    server.shutdown()


def test_shutdown_breaks_off_a_startup(drive: Drive) -> None:
    cleaned_up = False

    async def test() -> None:
        starting = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal cleaned_up
            assert scope["type"] == "lifespan"
            await receive()
            starting.set()
            try:
                await asyncio.Event().wait()
            finally:
                cleaned_up = True

        server = Server(slow, config())
        serving = asyncio.create_task(server.serve(lambda _: pytest.fail("it served")))
        await starting.wait()
        server.shutdown()
        await serving
        assert asyncio.all_tasks() == {asyncio.current_task()}

    drive(test())
    assert cleaned_up


def test_cancelling_serve_ends_well(drive: Drive) -> None:
    async def test() -> None:
        server = Server(asgi_app, config())
        ready = asyncio.Event()
        serving = asyncio.create_task(server.serve(lambda _: ready.set()))
        await ready.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert refused(server.addresses[0])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    drive(test())


def test_two_servers_in_one_loop(drive: Drive) -> None:
    async def test() -> None:
        first, second = Server(asgi_app, config()), Server(wsgi_app, config(threads=2))
        async with first as here, second as there:
            assert here != there
            answers = await asyncio.gather(*(ask(address) for address in 5 * (here + there)))
            assert {answer.body for answer in answers} == {b"/here"}
            assert first.stats()["requests"] == second.stats()["requests"] == 5

    drive(test())


def test_address_in_use(drive: Drive) -> None:
    async def test() -> None:
        async with Server(asgi_app, config()) as addresses:
            bind = addresses[0].removeprefix("http://")
            with pytest.raises(BindError, match="in use"):
                await Server(asgi_app, config(bind=bind)).serve()
            assert (await ask(addresses[0])).status == 200

    drive(test())


def test_failed_startup_leaves_nothing_behind(drive: Drive) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def test() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{probe.getsockname()[1]}"
        server = Server(failing, config(bind=bind))
        with pytest.raises(LifespanError, match="no database"):
            await server.serve()
        assert not server.started
        assert refused(f"http://{bind}")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    drive(test())


def test_double_callable(drive: Drive) -> None:
    def app(scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
        async def instance(receive: Receive, send: Send) -> None:
            await asgi_app(scope, receive, send)

        return instance

    async def test() -> None:
        async with Server(app, config(), "asgi2") as addresses:
            assert (await ask(addresses[0])).body == b"/here"

    drive(test())


def test_run_in_a_thread_until_shutdown() -> None:
    server = Server(asgi_app, config())
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(lambda _: ready.set())))
    thread.start()
    assert ready.wait(10)
    with Wire.connect(address_of(server.addresses[0])) as wire:
        assert wire.ask(REQUEST).body == b"/here"
    server.shutdown()
    thread.join(10)
    assert not thread.is_alive()
