"""A log that can't be written to, by the application's doing, costs its lines alone."""

from __future__ import annotations

import pytest

from tests.kit import serve
from tests.kit.process import ROOT

APP = "tests.process.broken_log_asgi:app"


def get(path: str) -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("way", ["/close", "/handler"])
def test_requests_that_fail(way: str, loop: str) -> None:
    """The process goes on, and with it requests in flight."""
    with (
        serve(APP, "--loop", loop, app_dir=ROOT) as server,
        server.connect() as waiting,
        server.connect() as wire,
    ):
        waiting.send(get("/wait"))
        server.stdout.wait(lambda text: "waits" in text, "a request in flight")
        assert wire.ask(get(way)).status == 200
        for _ in range(3):
            with server.connect() as failing:
                assert failing.ask(get("/raise")).status == 500
        assert wire.ask(get("/go")).body == b"served"
        assert waiting.response().body == b"served"


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_a_lifespan_that_ends_early(options: tuple[str, ...]) -> None:
    """Its error is told when it happens."""
    ending = APP.replace(":app", ":ending")
    with serve(ending, *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/end")).body == b"served"
            told = "RuntimeError: the lifespan is over"
            server.stderr.wait(lambda text: told in text, "the error")
            assert wire.ask(get("/")).body == b"served"
        assert server.stop() == 0
        assert server.stderr.text().count(told) == 1
        assert "never retrieved" not in server.stderr.text()
