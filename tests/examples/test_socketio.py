"""The Socket.IO example with python-socketio's own client, by each of its transports."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio  # type: ignore[import-untyped]

from tests.kit import Server, serve
from tests.kit.process import ROOT

KITCHEN = ROOT / "examples" / "socketio_app"
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": None}


@pytest.fixture(scope="module", name="kitchen")
def kitchen_fixture() -> Iterator[Server]:
    """The kitchen.

    A last poll waits on in the application for a client that has gone, until its next ping.
    """
    options = ("--workers", "1", "--graceful-timeout", "1")
    with serve("orders:app", *options, app_dir=KITCHEN) as server:
        yield server
    assert "Traceback" not in server.stderr.text(), server.stderr.text()


class Guest:
    """A client, and what it was told."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.came: asyncio.Queue[bool] = asyncio.Queue()
        self.went = asyncio.Event()
        client.on("ordered", self.heard.put)
        client.on("connect", lambda: self.came.put_nowait(True))
        client.on("disconnect", lambda reason: self.went.set())

    async def ask(self, event: str, *arguments: Any) -> Any:
        """Send an event and wait for its answer."""
        return await self.client.call(event, arguments, timeout=10)

    async def next(self) -> Any:
        """The next that was ordered at the table."""
        return await asyncio.wait_for(self.heard.get(), 10)


def dine(meal: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    """Run a meal, and end what the clients leave behind: a poll that nobody waits for."""

    async def evening() -> None:
        async with aiohttp.ClientSession() as session:
            await meal(session)
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    asyncio.run(evening())


@asynccontextmanager
async def seated(
    session: aiohttp.ClientSession, url: str, name: str, transports: list[str] | None
) -> AsyncIterator[Guest]:
    """A guest at table 1."""
    patience = {"reconnection_delay": 0.1, "reconnection_delay_max": 0.5}
    guest = Guest(socketio.AsyncClient(http_session=session, **patience))
    await guest.client.connect(url, auth={"name": name}, transports=transports, wait_timeout=10)
    try:
        assert await guest.ask("sit", "1") == f"welcome, {name}"
        yield guest
        await guest.client.emit("leave")
        await asyncio.wait_for(guest.went.wait(), 10)
    finally:
        await guest.client.disconnect()


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS)
def test_orders(kitchen: Server, transports: list[str] | None) -> None:
    """Answers, a room of two, large binary data; the transport is the one that was asked for."""

    async def meal(session: aiohttp.ClientSession) -> None:
        async with (
            seated(session, kitchen.url, "ada", transports) as ada,
            seated(session, kitchen.url, "bob", transports) as bob,
        ):
            wanted = "polling" if transports == ["polling"] else "websocket"
            assert (ada.client.transport(), bob.client.transport()) == (wanted, wanted)
            picture = bytes(range(256)) * 400
            assert await ada.ask("order", "1", "soup", picture) == {"bytes": 102_400}
            assert await bob.ask("order", "1", "tea") == {"bytes": 0}
            dishes = [{"by": "ada", "dish": "soup"}, {"by": "bob", "dish": "tea"}]
            for guest in (ada, bob):
                assert [await guest.next(), await guest.next()] == dishes

    dine(meal)


def test_refused(kitchen: Server) -> None:
    """The application lets nobody in who has no name, and says why."""

    async def meal(session: aiohttp.ClientSession) -> None:
        reasons: list[Any] = []
        client = socketio.AsyncClient(http_session=session)
        client.on("connect_error", reasons.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(kitchen.url, transports=["websocket"], wait_timeout=10)
        assert reasons == [{"message": "who are you?"}]

    dine(meal)


def test_reload(kitchen: Server) -> None:
    """The client comes again by itself, and is served by the new worker."""

    async def meal(session: aiohttp.ClientSession) -> None:
        async with seated(session, kitchen.url, "ada", ["websocket"]) as ada:
            await ada.came.get()
            kitchen.send_signal(signal.SIGHUP)
            await asyncio.wait_for(ada.came.get(), 20)
            assert await ada.ask("sit", "1") == "welcome, ada"
            await ada.ask("order", "1", "more")
            assert await ada.next() == {"by": "ada", "dish": "more"}

    dine(meal)


def test_several_workers() -> None:
    """By WebSocket alone a client stays with its worker."""

    async def meal(session: aiohttp.ClientSession) -> None:
        for number in range(6):
            async with seated(session, server.url, f"g{number}", ["websocket"]) as guest:
                assert await guest.ask("order", "1", "soup") == {"bytes": 0}

    with serve("orders:app", "--workers", "2", app_dir=KITCHEN) as server:
        dine(meal)


def test_a_stop_sends_polls_away() -> None:
    """A client that polls does not hold up a stop."""
    options = ("--graceful-timeout", "30")
    with serve("orders:app", *options, app_dir=KITCHEN) as server:

        async def meal(session: aiohttp.ClientSession) -> None:
            client = socketio.AsyncClient(http_session=session, reconnection=False)
            guest = Guest(client)
            await client.connect(server.url, auth={"name": "Ann"}, transports=["polling"])
            await guest.ask("sit", "one")
            server.send_signal(signal.SIGTERM)
            await asyncio.wait_for(guest.went.wait(), 10)

        dine(meal)
        assert server.wait_exit(deadline=10) == 0
