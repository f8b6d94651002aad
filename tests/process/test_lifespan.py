"""The lifespan of an ASGI application in a real process: modes, failures, state, exit codes."""

from __future__ import annotations

import signal

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT, ended
from tests.process.conftest import get
from tests.process.test_workers import ask

APPS = "tests.process.lifespans"


def launch(app: str, *options: str) -> Server:
    """A server that need not become ready."""
    return Server([f"{APPS}:{app}", "--bind", "127.0.0.1:0", *options], cwd=ROOT)


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_state_reaches_the_requests(mode: str) -> None:
    with serve(f"{APPS}:full_app", "--lifespan", mode, app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/")).body == b"{'answer': 42}"
        assert server.stop() == 0
        assert "lifespan ended" in server.stderr.text()


def test_off_leaves_it_out() -> None:
    with serve(f"{APPS}:full_app", "--lifespan", "off", app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/")).status == 200
        assert server.stop() == 0
        assert "lifespan called" not in server.stderr.text()


def test_auto_serves_an_application_that_knows_none() -> None:
    with serve(f"{APPS}:unknown_app", app_dir=ROOT) as server:
        with server.connect() as wire:
            assert wire.ask(get("/")).status == 200
        assert server.stop() == 0
        assert "Traceback" not in server.stderr.text()


@pytest.mark.parametrize(
    ("app", "options", "said"),
    [
        ("failing_app", (), "tricorn: the application's startup failed: the database is away\n"),
        ("unknown_app", ("--lifespan", "on"), "NotImplementedError: lifespan"),
    ],
)
def test_a_failed_startup_ends_with_3(app: str, options: tuple[str, ...], said: str) -> None:
    with ended(launch(app, *options)) as server:
        assert server.wait_exit() == 3
        assert said in server.stderr.text()
        assert "http://" not in server.stderr.text()


def test_a_start_that_fails_later_ends_the_lifespan() -> None:
    with ended(launch("full_app", "--access-log", "missing/access.log")) as server:
        assert server.wait_exit() == 2
        assert "lifespan ended" in server.stderr.text()
        assert "tricorn: --access-log: cannot open" in server.stderr.text()


def test_a_failed_shutdown_is_told() -> None:
    with serve(f"{APPS}:failing_shutdown_app", app_dir=ROOT) as server:
        assert server.stop() == 0
        assert "the application's shutdown failed: could not flush" in server.stderr.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_breaks_off_a_startup(number: signal.Signals) -> None:
    with ended(launch("endless_app")) as server:
        server.stderr.wait(lambda text: "startup begins" in text, "startup begins")
        assert server.stop(number) == 0
        assert "startup cleaned up" in server.stderr.text()
        assert "Traceback" not in server.stderr.text()


def test_a_startup_that_is_broken_off_is_not_drained() -> None:
    with ended(launch("endless_app", "--drain-delay", "60s")) as server:
        server.stderr.wait(lambda text: "startup begins" in text, "the start-up")
        assert server.stop() == 0
        assert "stopping (SIGTERM): no request is in flight" in server.stderr.text()
        assert "--drain-delay" not in server.stderr.text()


CODES = {"return": "0", "raise": "9", "exit": "7", "loop": "8"}


@pytest.mark.parametrize("way", CODES)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_start_up_that_forks(loop: str, way: str) -> None:
    """The child ends, and takes nothing from its parent: threads can still wake the loop."""
    app, env = "tests.process.forking_lifespan:app", {"FORK": way}
    with serve(app, "--loop", loop, app_dir=ROOT, env=env) as server:
        assert ask(server, "/") == CODES[way]
        text = server.stderr.text()
        assert text.count("came back to the server, and ends here") == (way == "return")
        assert "Traceback" not in text
