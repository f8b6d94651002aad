"""--workers MIN..MAX: more workers when requests wait, fewer when it is quiet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.conftest import get
from tests.process.test_workers import KINDS, ask, children, wait_count, wait_replaced
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}
RANGE = ("--workers", "1..3", "--scale-down-after", "2s")


@contextmanager
def crowd(server: Server) -> Iterator[None]:
    """Clients that keep every worker busy, each with connections of its own."""
    ended = threading.Event()
    wrong: list[int] = []

    def client() -> None:
        while not ended.is_set():
            with server.connect(deadline=30) as wire:
                status = wire.ask(get("/nap")).status
                if status != 200:
                    wrong.append(status)

    threads = [threading.Thread(target=client) for _ in range(12)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        assert not wrong


@pytest.mark.parametrize("kind", ["asgi-asyncio", "wsgi-4"])
def test_the_number_follows_the_load(kind: str, tmp_path: Path) -> None:
    site = Site(tmp_path, KINDS[kind][0])
    site.write("one")
    with serve("site_app:app", *RANGE, *KINDS[kind][1:], app_dir=tmp_path) as server:
        assert len(children(server)) == 1
        with crowd(server):
            server.stderr.wait(
                lambda text: "2 workers are wanted now: requests wait" in text, "more", deadline=30
            )
            wait_until(lambda: len(children(server)) >= 2, "another worker")
        wait_until(lambda: len(children(server)) == 1, "the first number", deadline=30)
        assert "nobody has waited for" in server.stderr.text()
        assert ask(server, "/version") == "one"


WANTED = "workers are wanted now"


def changes(server: Server) -> int:
    """How often a number of workers was asked for."""
    return server.stderr.text().count(WANTED)


def has_more(before: int) -> Callable[[str], bool]:
    """Whether a text says so more often."""
    return lambda text: text.count(WANTED) > before


def test_the_range_bounds_what_is_asked_for(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with serve("site_app:app", "--workers", "1..3", app_dir=tmp_path) as server:
        for wanted in (2, 3, 3):
            before = changes(server)
            server.send_signal(signal.SIGTTIN)
            server.stderr.wait(has_more(before), "the change")
            wait_count(server, wanted)


def test_a_reload_keeps_the_number_that_the_load_needs(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with serve("site_app:app", "--workers", "1..4", app_dir=tmp_path, env=ENV) as server:
        server.send_signal(signal.SIGTTIN)
        wait_count(server, 2)
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        wait_count(server, 2)
