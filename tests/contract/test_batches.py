"""Complete responses wait for those of the requests being served, but not for calls that block.

The applications run in this process, so that they can look at the clients' sockets.
"""

from __future__ import annotations

import asyncio
import select
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from tests.contract.case import get
from tests.kit import Wire
from tricorn import Config, Server

ROUNDS = 5
DELIVERED_WITHIN = 0.2
"""Seconds: what was sent has come to a client on the same machine, even if that is busy."""
LONGER_THAN_REMEMBERED = 0.6
"""Seconds: a call of this length counts from its end, not from its start."""


class Gate:
    """A path whose calls block until the test lets them go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def ask(self, wire: Wire, path: bytes) -> None:
        """Send a request that will block."""
        self.entered.clear()
        self.opened.clear()
        wire.send(get(target=path))

    def wait(self) -> None:
        """Block until the call is in the application."""
        assert self.entered.wait(10)

    def pass_through(self) -> None:
        """What the application does."""
        self.entered.set()
        assert self.opened.wait(10)


class Stage:
    """What the applications do, and what they have seen."""

    def __init__(self) -> None:
        self.gates = {"/gate": Gate(), "/slow": Gate()}
        self.quick: Wire | None = None
        self.looks = False
        self.arrived: list[bool] = []

    def play(self, path: str) -> None:
        """A call of the application."""
        if gate := self.gates.get(path):
            gate.pass_through()
        elif path == "/look" and self.looks:
            assert self.quick
            self.arrived.append(readable(self.quick, DELIVERED_WITHIN))

    def close_gate(self, wire: Wire) -> Gate:
        """Make the application block, so that what is sent now is met by one poll."""
        gate = self.gates["/gate"]
        gate.ask(wire, b"/gate")
        gate.wait()
        return gate


def readable(wire: Wire, wait: float) -> bool:
    """Whether an answer arrives within so many seconds."""
    return bool(select.select([wire.sock], [], [], wait)[0])


def asgi(stage: Stage) -> Any:
    """An ASGI application on the stage."""

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        assert scope["type"] == "http", "no lifespan here"
        stage.play(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    return app


def wsgi(stage: Stage) -> Any:
    """A WSGI application on the stage."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        path = environ["PATH_INFO"]
        stage.play(path)
        start_response("200 OK", [])
        return [path.encode()]

    return app


def wsgi_iterable(stage: Stage) -> Any:
    """The same, but the body is given by an iterator, and its length by a field."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        stage.play(path)
        start_response("200 OK", [("Content-Length", str(len(path)))])
        return iter([path.encode()])

    return app


KINDS: dict[str, tuple[Callable[[Stage], Any], dict[str, Any]]] = {
    "asgi": (asgi, {}),
    "wsgi": (wsgi, {"threads": 1}),
    "wsgi iterable": (wsgi_iterable, {"threads": 1}),
}


def on_stage(kind: str, act: Callable[[Stage, list[Wire]], None], **more: Any) -> Stage:
    """Serve the application to three clients while ``act`` runs in a thread of its own."""
    make, settings = KINDS[kind]
    settings = settings | more
    stage = Stage()

    def clients(shown: str) -> None:
        host, port = shown.removeprefix("http://").split(":")
        wires = [Wire.connect((host, int(port))) for _ in range(3)]
        stage.quick = wires[1]
        try:
            for wire in wires:
                wire.ask(get(target=b"/hello"))
            act(stage, wires)
        finally:
            for gate in stage.gates.values():
                gate.opened.set()
            for wire in wires:
                wire.close()

    async def run() -> None:
        config = Config.make(port=0, lifespan="off", access_log="off", **settings)
        async with Server(make(stage), config) as addresses:
            await asyncio.to_thread(clients, addresses[0])

    asyncio.run(run())
    return stage


@pytest.mark.parametrize("kind", KINDS)
def test_responses_go_out_together(kind: str) -> None:
    """The first answer waits while the second request is served, and both arrive."""

    def act(stage: Stage, wires: list[Wire]) -> None:
        first, quick, look = wires
        learn(stage, wires, b"/look")
        stage.looks = True
        gate = stage.close_gate(first)
        quick.send(get(target=b"/hello"))
        look.send(get(target=b"/look"))
        gate.opened.set()
        # What has been read does not show in readable(): the quick answer comes last.
        answers = [wire.response().body for wire in (first, look, quick)]
        assert answers == [b"/gate", b"/look", b"/hello"]

    # Without eager tasks, an application's first step is not a part of the poll.
    alone = kind == "asgi" and sys.version_info < (3, 12)
    assert on_stage(kind, act).arrived == [alone]


def learn(stage: Stage, wires: list[Wire], path: bytes) -> None:
    """Let the server see, beside others, that calls of a path are quick."""
    first, *others = wires
    for _ in range(8):
        gate = stage.close_gate(first)
        for wire in others:
            wire.send(get(target=path))
        gate.opened.set()
        assert [wire.response().status for wire in wires] == [200, 200, 200]


@pytest.mark.parametrize("kind", KINDS)
def test_no_waiting_for_a_call_that_is_not_known(kind: str) -> None:
    """What is complete goes out before a call of which nobody knows how long it takes."""

    def act(stage: Stage, wires: list[Wire]) -> None:
        stage.arrived.append(arrives_beside_slow(stage, wires))

    assert on_stage(kind, act).arrived == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_beside_others(kind: str) -> None:
    """A held response does not hold up what follows it on its connection."""

    def act(stage: Stage, wires: list[Wire]) -> None:
        gate = stage.close_gate(wires[0])
        for wire in wires[1:]:
            wire.send(get(target=b"/hello") * 5 + get(b"Connection: close", target=b"/last"))
        gate.opened.set()
        assert wires[0].response().body == b"/gate"
        for wire in wires[1:]:
            assert [wire.response().body for _ in range(6)] == [b"/hello"] * 5 + [b"/last"]
            assert wire.ended()

    on_stage(kind, act)


@pytest.mark.parametrize("kind", KINDS)
def test_no_waiting_behind_calls_that_block(kind: str) -> None:
    """Once a call has kept a response waiting, the next one goes out before such a call."""

    def act(stage: Stage, wires: list[Wire]) -> None:
        for _ in range(ROUNDS):
            stage.arrived.append(arrives_beside_slow(stage, wires))
            if stage.arrived[-1]:
                break
        # A long call is remembered for long, and not for half a second only.
        assert not readable(wires[0], LONGER_THAN_REMEMBERED)
        stage.arrived.append(arrives_beside_slow(stage, wires))

    assert on_stage(kind, act).arrived[-2:] == [True, True]


def arrives_beside_slow(stage: Stage, wires: list[Wire]) -> bool:
    """Whether a quick answer comes while a call of the same poll is blocked."""
    first, quick, slow = wires
    gate = stage.close_gate(first)
    quick.send(get(target=b"/hello"))
    stage.gates["/slow"].ask(slow, b"/slow")
    gate.opened.set()
    stage.gates["/slow"].wait()
    arrived = readable(quick, LONGER_THAN_REMEMBERED)
    stage.gates["/slow"].opened.set()
    assert [wire.response().body for wire in wires] == [b"/gate", b"/hello", b"/slow"]
    return arrived


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_in_time_is_served_late(kind: str) -> None:
    """It came before the end of keep-alive, but the application blocked until after it."""
    keep_alive = 0.2

    def act(stage: Stage, wires: list[Wire]) -> None:
        first, second, _ = wires
        gate = stage.close_gate(first)
        second.send(get(target=b"/hello"))
        assert not readable(second, 2 * keep_alive)
        gate.opened.set()
        assert second.response().body == b"/hello"

    on_stage(kind, act, keep_alive=keep_alive)
