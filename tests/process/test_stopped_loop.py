"""An application that stops the event loop it is served in."""

from __future__ import annotations

import pytest

from tests.kit import serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import begin_slow, get, refuses
from tests.process.test_workers import ask, children

APP = "tests.process.app_asgi:app"
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
SAID = "ERROR the application stopped the event loop (loop.stop()): the server stops\n"


@LOOPS
def test_it_is_told_and_all_ends_well(loop: str) -> None:
    """Who asked, and who is in flight, gets an answer; the lifespan ends."""
    with serve(APP, "--loop", loop, app_dir=ROOT) as server, begin_slow(server) as slow:
        with server.connect() as wire:
            assert wire.ask(get("/stop_loop")).body == b"quick"
        server.stderr.wait(lambda text: SAID in text, SAID)
        wait_until(lambda: refuses(server), "new connections are refused")
        assert slow.ask(b"2").body == b"slow"
        assert server.wait_exit() == 1
        text = server.stderr.text()
        assert text.count(SAID) == 1
        assert "lifespan ends" in text
        assert "Traceback" not in text
        assert text.endswith("tricorn: the application stopped the event loop (loop.stop())\n")


@LOOPS
def test_a_worker_is_replaced(loop: str) -> None:
    with serve(APP, "--loop", loop, "--workers", "1", app_dir=ROOT) as server:
        [worker] = children(server)
        ask(server, "/stop_loop")
        said = f"worker {worker} ended: the application stopped the event loop (loop.stop());"
        server.stderr.wait(lambda text: said in text, said)
        assert ask(server, "/quick") == "quick"
        assert worker not in children(server)
        assert "Traceback" not in server.stderr.text()
