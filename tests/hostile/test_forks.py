"""Children that an application forks, in every way, and come back to the server or do not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.hostile.clients import ask, get
from tests.hostile.conftest import MODES
from tests.hostile.forks import CODES, WAYS
from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT

CLIENTS = 10
PLACES = {
    "asgi": ("at-once", "later", "thread", "worker-thread"),
    "wsgi": ("at-once", "later", "thread"),
}
CASES = [(mode, place) for mode in MODES for place in PLACES[mode.split()[0]]]


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def forking(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str]]:
    """A server, and where its application forks; it ends well, whatever its children did."""
    mode, place = request.param
    app = f"tests.hostile.forking_{mode.split()[0]}:app"
    with serve(app, *MODES[mode], "--graceful-timeout", "3", app_dir=ROOT) as server:
        yield server, place


@pytest.mark.parametrize("way", WAYS)
def test_a_child(forking: tuple[Server, str], way: str) -> None:
    """It ends as it would elsewhere, and costs the parent no connection and no request."""
    server, place = forking
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(CLIENTS)]
        for client in clients:
            assert client.ask(get("/")).body == b"served"
        child = int(ask(server, f"/fork/{place}/{way}").body)
        if way == "sleep":
            os.kill(child, signal.SIGTERM)

        def ended() -> bytes:
            return ask(server, f"/wait/{child}").body

        code = int(wait_until(ended, "the child has ended"))
        # In a thread, what ends it is not for the process: so it is elsewhere, too.
        if "thread" not in place or way not in ("exit", "raise", "multiprocessing"):
            assert code == CODES.get(way, 0)
        for _ in range(3):
            for client in clients:
                assert client.ask(get("/")).body == b"served"
    assert ask(server, "/").body == b"served"
