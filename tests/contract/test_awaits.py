"""receive() behaves like any awaitable of the loop: cancelled, timed out, awaited twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.case import get
from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def awaits(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The waiting application on either event loop; it never fails."""
    options = ("--loop", request.param)
    with serve("tests.contract.awaits_asgi:app", *options, app_dir=ROOT) as server:
        yield server
        assert server.stop() == 0
        assert "Traceback" not in server.stderr.text()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/cancelled", b"('for this reason',)"),
        ("/anyio-scope", b"nothing"),
        ("/timeouts", b"twice in time"),
        ("/two-waiters", b"True True"),
    ],
)
def test_waiting(awaits: Server, path: str, told: bytes) -> None:
    """Each way to wait ends as it does for a future of the loop, and the connection goes on."""
    with awaits.connect() as wire:
        for _ in range(2):
            assert wire.ask(get(target=path.encode())).body == told


def test_a_request_behind_one_that_waits(awaits: Server) -> None:
    """What comes behind a request whose application waits for a disconnect keeps nobody busy."""
    with awaits.connect() as wire, awaits.connect() as other:
        wire.send(get(target=b"/leave") + get(target=b"/cancelled"))
        for _ in range(3):
            assert other.ask(get(target=b"/timeouts")).body == b"twice in time"


def test_receive_after_the_answer(awaits: Server) -> None:
    """http.disconnect, as often as it is asked for (ASGI HTTP, Disconnect - receive event)."""
    with awaits.connect() as wire:
        wire.ask(get(target=b"/after"))

        def told() -> bytes:
            return wire.ask(get(target=b"/log")).body

        seen = wait_until(told, "the application receives after its answer")
    assert seen == b"http.disconnect http.disconnect"


def test_a_client_that_leaves_a_request_that_waits(awaits: Server) -> None:
    """An application that returns when it is told so has made no mistake."""
    for _ in range(3):
        with awaits.connect() as wire, awaits.connect() as other:
            wire.send(get(target=b"/leave"))
            other.ask(get(target=b"/timeouts"))
            wire.close()
            other.ask(get(target=b"/timeouts"))
    assert "returned without a response" not in awaits.stderr.text()
